// Readings that are nobody's yet, each with a button for everybody whose it may be.

import { html } from "../vendor/preact.js";
import { ask } from "../api.js";
import { Empty, Loaded, Said, Trouble, useDoing, useLoaded, useMe } from "../kit.js";
import { t, written } from "../words.js";
import { values } from "./thing.js";

export default function Inbox() {
  const me = useMe();
  const loaded = useLoaded("/inbox", ["inbox"]);
  const [run, busy, error, done] = useDoing();
  const give = (numbers, person) => run(async () => {
    await ask("POST", "/inbox/assign", { numbers, person });
    await loaded.reload();
    return t("inbox.given", { person });
  });
  return html`<h1 tabindex="-1">${t("nav.inbox")}</h1>
    <p class="muted">${t("inbox.hint")}</p><${Trouble} error=${error} /><${Said} text=${done} />
    <${Loaded} of=${loaded}>${(said) => html`
      ${said.entries.length === 0 && html`<${Empty} title=${t("inbox.none")}>${t("inbox.none-hint")}<//>`}
      ${said.entries.length > 0 && said.persons.length === 0 && html`<p class="notice">${t("inbox.no-persons")}</p>`}
      <ul class="entries">${said.entries.map((one) => html`<li class="card" key=${one.number}>
        <p>${one.things.map((thing) => html`<span key=${thing.id}><strong>${t(`type.${thing.type}`)}</strong> ${values(thing, me.preferences)} </span>`)}</p>
        <p class="muted">${written(one.time)} · ${one.device} · <a href=${`#/thing/${one.number}`}>${t("chart.details")}</a></p>
        <div class="row">${said.persons.map((person) => html`<button key=${person} disabled=${busy} aria-label=${`${person}: ${one.device}, ${written(one.time)}`} onClick=${() => give([one.number], person)}>${person}</button>`)}</div></li>`)}</ul>
      ${said.more > 0 && html`<p class="muted">${t("inbox.more", { count: said.more })}</p>`}`}<//>`;
}
