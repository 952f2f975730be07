// Who agreed that what goes where.

import { html, useState } from "../vendor/preact.js";
import { ask } from "../api.js";
import { Careful, Empty, Field, Loaded, Said, Trouble, useDoing, useLoaded } from "../kit.js";
import { moment, t } from "../words.js";

const when = (iso) => moment(Date.parse(iso) / 1000);

export default function Consent() {
  const loaded = useLoaded("/consent", ["consent"]);
  const [run, busy, error, done] = useDoing();
  const act = (path, body, said) => run(async () => { await ask("POST", path, body); await loaded.reload(); return said; });
  return html`<h1 tabindex="-1">${t("nav.consent")}</h1><p class="muted">${t("consent.hint")}</p><${Trouble} error=${error} /><${Said} text=${done} />
    <${Loaded} of=${loaded}>${(said) => html`
      ${said.sinks.length === 0 && html`<${Empty} title=${t("consent.no-sinks")}>${t("consent.no-sinks-hint")}<//>`}
      ${said.sinks.length > 0 && said.grants.length === 0 && html`<${Empty} title=${t("consent.none")}>${t("consent.none-hint")}<//>`}
      ${said.grants.map((one) => html`<section class="card" key=${`${one.person} ${one.sink} ${one.types}`} aria-label=${`${one.person} → ${one.sink}`}>
        <h2>${one.person} → ${one.sink}</h2>
        <p>${one.types.length ? one.types.map((type) => t(`type.${type}`)).join(", ") : t("consent.everything")}${one.why && html`<br /><span class="muted">${one.why}</span>`}</p>
        <p class="muted">${one.since && t("consent.from", { when: when(one.since) })} ${one.until && t("consent.to", { when: when(one.until) })} ${one.stated && t("consent.stated")}</p>
        <${Careful} label=${t("consent.revoke")} question=${t("consent.revoke-question")} disabled=${busy} act=${() => act("/consent/revoke", { person: one.person, sink: one.sink }, t("consent.revoked"))} /></section>`)}
      ${said.sinks.length > 0 && said.persons.length > 0 && html`<${New} said=${said} busy=${busy} grant=${(grant) => act("/consent/grant", grant, t("consent.granted"))} />`}`}<//>`;
}

function New({ said, busy, grant }) {
  const [types, setTypes] = useState([]);
  const go = async (event) => {
    event.preventDefault();
    const form = event.currentTarget, { person, sink, until, why } = Object.fromEntries(new FormData(form));
    if (await grant({ person, sink, types, until: until || null, why })) { form.reset(); setTypes([]); }
  };
  const toggle = (type) => setTypes(types.includes(type) ? types.filter((one) => one !== type) : [...types, type]);
  return html`<section class="card"><h2>${t("consent.new")}</h2><form onSubmit=${go}>
    <${Field} id="person" label=${t("consent.who")}><select id="person" name="person">${said.persons.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select><//>
    <${Field} id="sink" label=${t("consent.where")}><select id="sink" name="sink">${said.sinks.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select><//>
    <details><summary>${t("consent.types", { count: types.length })}</summary><fieldset><legend class="hidden">${t("consent.types", { count: types.length })}</legend>
      ${said.types.map((type) => html`<div key=${type}><label><input type="checkbox" checked=${types.includes(type)} onChange=${() => toggle(type)} /> ${t(`type.${type}`)}</label></div>`)}</fieldset></details>
    <${Field} id="until" label=${t("consent.until")} hint=${t("consent.until-hint")}><input id="until" name="until" type="date" aria-describedby="until-hint" /><//>
    <${Field} id="why" label=${t("consent.why")}><input id="why" name="why" maxlength="500" /><//>
    <button class="strong" disabled=${busy}>${t("consent.grant")}</button></form></section>`;
}
