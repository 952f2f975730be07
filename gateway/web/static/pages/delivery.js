// Where things go: how far each way out is, what waits there, and trying again.

import { html, useState } from "../vendor/preact.js";
import { ask, part } from "../api.js";
import { Careful, Empty, Loaded, Progress, Said, Table, Tag, Trouble, useDoing, useLoaded, useMe } from "../kit.js";
import { moment, t } from "../words.js";

export default function Delivery() {
  const me = useMe();
  const loaded = useLoaded("/delivery", ["people", "delivery", "consent"], 3);
  const [run, busy, error, done] = useDoing();
  const release = () => run(async () => { const { released } = await ask("POST", "/release-time"); await loaded.reload(); return t("delivery.released", { count: released }); });
  return html`<h1 tabindex="-1">${t("nav.delivery")}</h1><${Trouble} error=${error} /><${Said} text=${done} />
    <${Loaded} of=${loaded}>${(said) => html`
      ${said.pending > 0 && html`<section class="card"><p class="notice">${t("delivery.pending", { count: said.pending, since: moment(Date.parse(said.pending_since) / 1000) })}</p>
        ${me.role === "owner" && html`<${Careful} kind="" label=${t("delivery.release")} question=${t("delivery.release-question")} disabled=${busy} act=${release} />`}</section>`}
      ${said.sinks.length === 0 && html`<${Empty} title=${t("delivery.none")}>${t("delivery.none-hint")}<//>`}
      ${said.sinks.map((one) => html`<${Sink} key=${one.name} one=${one} head=${said.head} reload=${loaded.reload} isOwner=${me.role === "owner"} />`)}`}<//>`;
}

function Sink({ one, head, reload, isOwner }) {
  const [run, busy, error, done] = useDoing();
  const [open, setOpen] = useState(false);
  const waiting = one.deferred + one.held;
  const retry = () => run(async () => { await ask("POST", `/delivery/${part(one.name)}/retry`); await reload(); return t("delivery.retried"); });
  return html`<section class="card" aria-label=${one.name}><h2>${one.name} <${Tag} kind=${one.problem ? "bad" : waiting || one.lag ? "warn" : "good"}>${t(one.problem ? "delivery.broken" : one.lag ? "delivery.behind" : waiting ? "delivery.waits" : "delivery.all")}<//></h2>
    ${one.problem && html`<p class="trouble">${one.problem}</p>`}
    ${one.lag > 0 && html`<${Progress} label=${t("delivery.lag", { count: one.lag })} value=${(head - one.lag) / head} />`}
    <dl class="facts"><dt>${t("delivery.deferred")}</dt><dd>${one.deferred}</dd><dt>${t("delivery.held")}</dt><dd>${one.held}</dd></dl>
    <${Trouble} error=${error} /><${Said} text=${done} />
    <p class="row"><button disabled=${busy} onClick=${retry}>${t("delivery.retry")}</button>
      ${isOwner && waiting > 0 && html`<button aria-expanded=${open} onClick=${() => setOpen(!open)}>${t("delivery.which")}</button>`}</p>
    ${open && waiting > 0 && html`<${Waiting} sink=${one.name} key=${waiting} />`}</section>`;
}

function Waiting({ sink }) {
  const loaded = useLoaded(`/delivery/${part(sink)}`, []);
  return html`<${Loaded} of=${loaded}>${(said) => html`<${Table} caption=${t("delivery.which")} columns=${[t("thing.number"), t("what"), t("thing.whose"), t("delivery.why")]}
    rows=${said.map((one) => ({ key: one.number, cells: [html`<a href=${`#/thing/${one.number}`}>${one.number}</a>`, one.type ? t(`type.${one.type}`) : "–", one.person ?? "–", one.reason] }))} />`}<//>`;
}
