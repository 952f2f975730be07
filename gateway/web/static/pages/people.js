// Everybody, with what was measured last.

import { html } from "../vendor/preact.js";
import { part } from "../api.js";
import { Empty, Loaded, Progress, useLoaded, useMe } from "../kit.js";
import { nameOf, shown } from "../units.js";
import { ago, moment, number, t } from "../words.js";

const MOST = 6;

export default function People() {
  const me = useMe();
  const loaded = useLoaded("/people", ["people", "inbox"]);
  return html`<h1 tabindex="-1">${t("nav.people")}</h1>
    <${Loaded} of=${loaded}>${(said) => html`
      ${said.progress < 1 && html`<${Progress} label=${t("people.reading")} value=${said.progress} />`}
      ${said.unassigned > 0 && html`<p class="card"><a href="#/inbox">${t("people.unassigned", { count: said.unassigned })}</a></p>`}
      ${said.people.length === 0 && html`<${Empty} title=${t("people.none")}>${t("people.none-hint")}<//>`}
      <ul class="cards">${said.people.map((one) => html`<li class="card" key=${one.id}><${Person} one=${one} me=${me} /></li>`)}</ul>`}<//>`;
}

// Two numbers of one reading are said together.
function together(latest) {
  const below = latest.find((one) => one.quantity.key === "diastolic");
  return latest.filter((one) => one !== below && one.quantity.key !== "mean_pressure").map((one) => (one.quantity.key === "systolic" && below?.time === one.time ? { ...one, below } : one));
}

function Person({ one, me }) {
  const newest = together(one.latest).sort((a, b) => b.time - a.time).slice(0, MOST);
  return html`<h2><a href=${`#/person/${part(one.id)}`}>${one.id}</a></h2>
    ${!one.listed && html`<p class="notice">${t("people.not-listed")}</p>`}
    ${newest.length === 0 ? html`<p class="muted">${t("people.nothing")}</p>` : html`<dl class="values">${newest.map((latest) => html`
      <dt key=${latest.quantity.key}>${latest.below ? t("quantity.blood-pressure") : nameOf(latest.quantity)}</dt>
      <dd><strong>${latest.below ? `${number(latest.value, 0)}/` : ""}${shown((latest.below ?? latest).value, latest.quantity, me.preferences)}</strong><small title=${moment(latest.time)}>${ago(latest.time)}</small></dd>`)}</dl>`}
    <p class="muted">${t("people.readings", { count: one.things })}</p>`;
}
