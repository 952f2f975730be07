// One reading, in full: its values as the device displayed them, how its time was come by, and where it came from.

import { html } from "../vendor/preact.js";
import { ask, part } from "../api.js";
import { Careful, Loaded, Said, Table, Tag, Trouble, useDoing, useLoaded, useMe } from "../kit.js";
import { unitName, wayOf } from "../units.js";
import { has, moment, number, t, written } from "../words.js";

const CANONICAL = { kg: "kg", "mmol/L": "mmol/L", Cel: "°C" };
const label = (name) => { const key = `quantity.${name.replace(/-/g, "_")}`; return has(key) ? t(key) : name.replace(/[_-]/g, " "); };

export function amount(one, preferences) {
  const unit = CANONICAL[one.unit];
  if (unit) {
    const way = wayOf({ unit, digits: null }, preferences);
    return `${number(way.convert(Number(one.value)), way.digits)} ${way.unit}`;
  }
  if (one.unit === "1") return `${number(Number(one.value) * 100, 1)} %`;
  return `${number(Number(one.value))} ${unitName(one.unit)}`;
}

export const measured = (thing) => Object.entries({ ...thing.data, ...thing.data.details }).filter(([, one]) => one && typeof one === "object" && "display" in one)
  .map(([name, one]) => [name === "value" && thing.data.name ? thing.data.name : name, one]);

export const values = (thing, preferences) => {
  const found = measured(thing);
  if (thing.type === "blood-pressure") return `${number(Number(thing.data.systolic.value))}/${number(Number(thing.data.diastolic.value))} mmHg${thing.data.pulse ? `, ${amount(thing.data.pulse, preferences)}` : ""}`;
  return found.map(([name, one]) => (found.length > 1 || thing.type === "body-composition" ? `${label(name)} ${amount(one, preferences)}` : amount(one, preferences))).join(", ") || thing.data.text || thing.data.name || (thing.data.mdc ? `MDC ${thing.data.mdc}` : "");
};

export default function Thing({ path: [n] }) {
  const me = useMe();
  const loaded = useLoaded(`/things/${part(n)}`, ["people", "inbox"]);
  const [run, busy, error, done] = useDoing();
  return html`${loaded.data === null && html`<h1 tabindex="-1">${t("nav.thing")}</h1>`}<${Loaded} of=${loaded}>${([latest, ...older]) => {
    const { thing } = latest, from = thing.provenance;
    const retract = () => run(async () => { await ask("POST", `/things/${n}/retract`); return t("thing.is-retracted"); });
    return html`<h1 tabindex="-1">${t(`type.${thing.type}`)}, ${written(thing.when.time)}</h1>
      <p>${thing.person ? html`<a href=${`#/person/${part(thing.person)}`}>${thing.person}</a>` : t("thing.nobody")} ${thing.retracted && html`<${Tag} kind="bad">${t("thing.retracted")}<//>`} ${latest.signed_by && html`<${Tag} kind="good">${t("thing.signed")}<//>`} ${from.simulated && html`<${Tag}>${t("simulated")}<//>`}</p>
      <section class="card"><h2>${t("thing.values")}</h2>
        <${Table} caption="" columns=${[t("what"), t("value"), t("thing.displayed")]} rows=${measured(thing).map(([name, one]) => ({ key: name, cells: [label(name), amount(one, me.preferences), `${one.display.value} ${unitName(one.display.unit)}`] }))} />
        ${[...thing.status ?? []].map((one) => html`<p class="notice" key=${one}>${one.replace(/-/g, " ")}</p>`)}</section>
      <section class="card"><h2>${t("thing.origin")}</h2><dl class="facts">
        <dt>${t("thing.time")}</dt><dd>${written(thing.when.time)}: ${t(`quality.${thing.when.quality}`)}</dd>
        ${thing.when.device_time && html`<dt>${t("thing.device-time")}</dt><dd>${thing.when.device_time}</dd>`}
        ${from.clock_offset != null && html`<dt>${t("thing.offset")}</dt><dd>${number(from.clock_offset, 0)} s</dd>`}
        <dt>${t("device")}</dt><dd>${[thing.device.name, thing.device.manufacturer, thing.device.model, thing.device.serial_number].filter(Boolean).join(", ")} (${thing.device.address})</dd>
        <dt>${t("thing.driver")}</dt><dd>${from.driver}, ${t(`transport.${from.transport}`)}</dd>
        <dt>${t("thing.received")}</dt><dd>${moment(Date.parse(from.received) / 1000)}</dd>
        <dt>${t("thing.gateway")}</dt><dd>${from.gateway}${latest.signed_by && html`<br />${t("thing.key")} <code>${latest.signed_by}</code>`}</dd>
        <dt>${t("thing.number")}</dt><dd>${latest.number}, ${t("thing.version")} ${latest.version}</dd></dl></section>
      ${older.length > 0 && html`<section class="card"><h2>${t("thing.versions")}</h2><${Table} caption="" columns=${[t("thing.version"), t("thing.whose"), t("value")]} rows=${[latest, ...older].map((one) => ({ key: one.version, cells: [one.version, one.thing.retracted ? t("thing.retracted") : (one.thing.person ?? t("thing.nobody")), values(one.thing, me.preferences)] }))} /></section>`}
      <${Trouble} error=${error} /><${Said} text=${done} />
      ${!thing.retracted && html`<p class="row"><${Careful} label=${t("thing.retract")} question=${t("thing.retract-question")} disabled=${busy} act=${retract} /></p>`}`;
  }}<//>`;
}
