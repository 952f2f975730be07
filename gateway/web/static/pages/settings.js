// How one wants to see things; one's password and tokens; and, for an owner, who else may come in.

import { html, useState } from "../vendor/preact.js";
import { ask, part } from "../api.js";
import { Careful, Field, Loaded, Said, Table, Tag, Trouble, useDoing, useLoaded, useMe } from "../kit.js";
import { day, t } from "../words.js";

export default function Settings() {
  const me = useMe();
  return html`<h1 tabindex="-1">${t("nav.settings")}</h1><${Preferences} me=${me} /><${Password} /><${Tokens} />${me.role === "owner" && html`<${Accounts} me=${me} />`}`;
}

const UNITS = { weight: ["kg", "lb", "st"], glucose: ["mmol/L", "mg/dL"], temperature: ["°C", "°F"] };

function Preferences({ me }) {
  const [run, busy, error, done] = useDoing();
  const { setMe, ...rest } = me;
  const keep = (change) => run(async () => {
    const preferences = await ask("PUT", "/preferences", { ...me.preferences, ...change });
    await setMe({ ...rest, preferences });
    return t("settings.kept");
  });
  const choice = (name, label, options) => html`<${Field} id=${name} label=${label}><select id=${name} disabled=${busy} value=${me.preferences[name] ?? ""} onChange=${(event) => keep({ [name]: event.currentTarget.value || null })}>${options.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select><//>`;
  const limits = (event) => {
    event.preventDefault();
    const { low, high } = Object.fromEntries(new FormData(event.currentTarget));
    keep({ target: [Number(low), Number(high)] });
  };
  return html`<section class="card"><h2>${t("settings.preferences")}</h2>
    ${choice("language", t("settings.language"), [["", t("settings.browser")], ["en", "English"], ["de", "Deutsch"]])}
    ${Object.entries(UNITS).map(([name, units]) => choice(name, t(`settings.${name}`), units.map((unit) => [unit, unit])))}
    <form onSubmit=${limits}><fieldset><legend>${t("settings.target")}</legend><div class="row">
      <label for="low">${t("settings.low")}</label><input id="low" name="low" type="number" step="0.1" min="0.1" max="40" value=${me.preferences.target[0]} required />
      <label for="high">${t("settings.high")}</label><input id="high" name="high" type="number" step="0.1" min="0.1" max="40" value=${me.preferences.target[1]} required />
      <button disabled=${busy}>${t("settings.keep")}</button></div></fieldset></form>
    <${Trouble} error=${error} /><${Said} text=${done} /></section>`;
}

function Password() {
  const [run, busy, error, done] = useDoing();
  const go = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (await run(async () => { await ask("PUT", "/password", Object.fromEntries(new FormData(form))); return t("settings.password-kept"); })) form.reset();
  };
  return html`<section class="card"><h2>${t("settings.password")}</h2><form onSubmit=${go}>
    <${Field} id="old" label=${t("settings.old")}><input id="old" name="old" type="password" required maxlength="200" autocomplete="current-password" /><//>
    <${Field} id="new" label=${t("door.new-password")} hint=${t("door.length")}><input id="new" name="new" type="password" required minlength="10" maxlength="200" autocomplete="new-password" aria-describedby="new-hint" /><//>
    <${Trouble} error=${error} /><${Said} text=${done} /><button disabled=${busy}>${t("settings.change")}</button></form></section>`;
}

function Tokens() {
  const loaded = useLoaded("/tokens");
  const [run, busy, error] = useDoing();
  const [made, setMade] = useState(null);
  const add = async (event) => {
    event.preventDefault();
    const form = event.currentTarget, { name, days } = Object.fromEntries(new FormData(form));
    if (await run(async () => { setMade((await ask("POST", "/tokens", { name, days: days ? Number(days) : null })).token); await loaded.reload(); })) form.reset();
  };
  const remove = (name) => run(async () => { await ask("DELETE", `/tokens/${part(name)}`); await loaded.reload(); });
  return html`<section class="card"><h2>${t("settings.tokens")}</h2><p class="muted">${t("settings.tokens-hint")} <a href="api/v1/openapi.json">openapi.json</a></p>
    <${Loaded} of=${loaded}>${(said) => html`<${Table} caption="" columns=${[t("door.name"), t("settings.made"), t("settings.ends"), t("settings.remove")]} rows=${said.map((one) => ({ key: one.name, cells: [one.name, day(one.made), one.until ? day(one.until) : "–", html`<${Careful} label=${t("settings.remove")} question=${t("settings.remove-question", { name: one.name })} act=${() => remove(one.name)} />`] }))} />`}<//>
    ${made && html`<p role="status">${t("settings.token-shown")} <code class="secret">${made}</code></p>`}
    <form class="row" onSubmit=${add}><label for="token-name">${t("door.name")}</label><input id="token-name" name="name" required maxlength="40" />
      <label for="days">${t("settings.ends")}</label><select id="days" name="days"><option value="365">${t("settings.year")}</option><option value="30">${t("settings.month")}</option><option value="">${t("settings.never")}</option></select>
      <button disabled=${busy}>${t("settings.add-token")}</button></form><${Trouble} error=${error} /></section>`;
}

function Accounts({ me }) {
  const loaded = useLoaded("/accounts");
  const [run, busy, error] = useDoing();
  const [role, setRole] = useState("member");
  const [invited, setInvited] = useState(null);
  const invite = async (event) => {
    event.preventDefault();
    const form = event.currentTarget, { name, person } = Object.fromEntries(new FormData(form));
    if (await run(async () => { setInvited([name, (await ask("POST", "/accounts", { name, role, person: person || null })).code]); await loaded.reload(); })) form.reset();
  };
  const anew = (name) => run(async () => { setInvited([name, (await ask("POST", `/accounts/${part(name)}/invite`)).code]); await loaded.reload(); });
  const remove = (name) => run(async () => { await ask("DELETE", `/accounts/${part(name)}`); await loaded.reload(); });
  return html`<section class="card"><h2>${t("settings.accounts")}</h2><${Trouble} error=${error} />
    <${Loaded} of=${loaded}>${(said) => html`
      <${Table} caption="" columns=${[t("door.name"), t("settings.role"), t("settings.person"), t("settings.change")]} rows=${said.accounts.map((one) => ({ key: one.name, cells: [html`${one.name} ${one.waiting && html`<${Tag} kind="warn">${t("settings.waiting")}<//>`}`, t(`role.${one.role}`), one.person ?? "–",
        one.name === me.name ? "–" : html`<span class="row"><${Careful} kind="" label=${t("settings.anew")} question=${t("settings.anew-question", { name: one.name })} act=${() => anew(one.name)} /><${Careful} label=${t("settings.remove")} question=${t("settings.remove-question", { name: one.name })} act=${() => remove(one.name)} /></span>`] }))} />
      ${invited && html`<p role="status">${t("settings.invited", { name: invited[0] })} <code class="secret">${invited[1]}</code></p>`}
      <form onSubmit=${invite}><h3>${t("settings.invite")}</h3>
        <${Field} id="account-name" label=${t("door.name")}><input id="account-name" name="name" required maxlength="40" autocomplete="off" /><//>
        <${Field} id="role" label=${t("settings.role")} hint=${t(`role.${role}-hint`)}><select id="role" value=${role} onChange=${(event) => setRole(event.currentTarget.value)} aria-describedby="role-hint">${["member", "technician", "owner"].map((one) => html`<option key=${one} value=${one}>${t(`role.${one}`)}</option>`)}</select><//>
        ${role !== "technician" && html`<${Field} id="account-person" label=${t("settings.person")}><select id="account-person" name="person">${role === "owner" && html`<option value="">–</option>`}${said.persons.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select><//>`}
        <button class="strong" disabled=${busy}>${t("settings.invite")}</button></form>`}<//></section>`;
}
