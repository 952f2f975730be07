// One person: charts over a range of time, and the readings one by one.

import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { get, part } from "../api.js";
import { Chart } from "../chart.js";
import { Empty, Loaded, Loading, Progress, Table, Trouble, useLoaded, useMe } from "../kit.js";
import { nameOf } from "../units.js";
import { day, t, written } from "../words.js";
import { values } from "./thing.js";

const DAY = 86400;
const RANGES = { day: DAY, week: 7 * DAY, month: 31 * DAY, year: 366 * DAY, all: null };
// What belongs into one chart; the rest has one each.
const CHARTS = [
  { keys: ["systolic", "diastolic"], name: "blood-pressure", band: true, gap: 30 * DAY },
  { keys: ["pulse"], gap: 30 * DAY },
  { keys: ["weight"], smooth: 10, gap: 21 * DAY },
  { keys: ["glucose"], hasTarget: true, gap: DAY },
  { keys: ["saturation"], gap: 7 * DAY },
  { keys: ["temperature"], gap: 7 * DAY },
  { keys: ["heart_rate"], gap: 7 * DAY },
];
const SHOWN_AT_ONCE = 6;

function charts(latest) {
  const there = new Set(latest.map((one) => one.quantity.key));
  const named = CHARTS.map((one) => ({ ...one, keys: one.keys.filter((key) => there.has(key)) })).filter((one) => one.keys.length);
  const used = new Set(named.flatMap((one) => one.keys));
  return [...named, ...latest.filter((one) => !used.has(one.quantity.key)).map((one) => ({ keys: [one.quantity.key], gap: 30 * DAY }))];
}

// The shortest range that shows the last twenty of what is measured most often.
function fitting(latest, newest) {
  const often = Math.max(...latest.filter((one) => one.count > 1).map((one) => one.since), newest - RANGES.month);
  return Object.keys(RANGES).find((name) => RANGES[name] === null || newest - often <= RANGES[name]);
}

export default function Person({ path: [id] }) {
  const loaded = useLoaded("/people", ["people"]);
  const [chosen, setRange] = useState(null);
  const [until, setUntil] = useState(null); // null: the newest
  const [more, setMore] = useState(false);
  return html`<h1 tabindex="-1">${id}</h1><${Loaded} of=${loaded}>${(said) => {
    const one = said.people.find((person) => person.id === id);
    if (!one) return html`<${Empty} title=${t("problem.not-here")} />`;
    const all = charts(one.latest), newest = Math.max(...one.latest.map((latest) => latest.time));
    const range = chosen ?? fitting(one.latest, newest);
    const end = until ?? newest, length = RANGES[range];
    return html`${said.progress < 1 && html`<${Progress} label=${t("people.reading")} value=${said.progress} />`}
      ${all.length === 0 ? html`<${Empty} title=${t("people.nothing")}>${t("person.none-hint")}<//>` : html`
        <div class="row"><fieldset><legend class="hidden">${t("person.range")}</legend><div class="choices">${Object.keys(RANGES).map((name) => html`
          <label key=${name}><input type="radio" name="range" checked=${range === name} onChange=${() => { setRange(name); setUntil(null); }} /><span>${t(`range.${name}`)}</span></label>`)}</div></fieldset>
          ${length && html`<button onClick=${() => setUntil(end - length)} aria-label=${t("person.earlier")}>←</button>
            <span>${day(end - length)} – ${day(end)}</span>
            <button disabled=${until === null} onClick=${() => setUntil(end + length >= newest ? null : end + length)} aria-label=${t("person.later")}>→</button>`}</div>
        <div class="charts">${all.slice(0, more ? all.length : SHOWN_AT_ONCE).map((chart) => html`<${Panel} key=${chart.keys.join()} person=${one} chart=${chart} since=${length ? end - length : null} until=${length ? end : null} />`)}</div>
        ${!more && all.length > SHOWN_AT_ONCE && html`<p><button onClick=${() => setMore(true)}>${t("person.more", { count: all.length - SHOWN_AT_ONCE })}</button></p>`}
        <${Readings} person=${one} />`}`;
  }}<//>`;
}

function Panel({ person, chart, since, until }) {
  const me = useMe();
  const range = since === null ? "" : `&since=${since}&until=${until + 1}`;
  const loaded = useLoaded(`/people/${part(person.id)}/chart?quantities=${chart.keys.join()}${range}`, ["people"]);
  const quantity = person.latest.find((one) => one.quantity.key === chart.keys[0]).quantity;
  const title = chart.name ? t(`quantity.${chart.name}`) : nameOf(quantity);
  // The same as long as the data are: a value that was picked stays picked.
  const lines = useMemo(() => loaded.data?.lines.filter((line) => line.times.length) ?? [], [loaded.data]);
  return html`<section class="card"><h2>${title}</h2><${Loaded} of=${loaded}>${(said) => {
    if (!lines.length) return html`<p class="muted">${t("person.nothing-then", { first: said.first ? day(said.first) : "", last: said.last ? day(said.last) : "" })}</p>`;
    const target = chart.hasTarget ? me.preferences.target : null;
    return html`<${Chart} title=${title} lines=${lines} since=${since ?? said.first} until=${until ?? said.last} preferences=${me.preferences} target=${target} band=${chart.band} smooth=${chart.smooth} gap=${chart.gap} />
      <ul class="legend">${chart.band && html`<li><i class="band"></i>${t("chart.band")}</li>`}${chart.smooth && html`<li><i></i>${t("chart.trend")}</li>`}${target && html`<li><i class="target"></i>${t("chart.target")}</li>`}</ul>`;
  }}<//></section>`;
}

function Readings({ person }) {
  const me = useMe();
  const [state, setState] = useState({ things: null, next: null, error: null });
  const load = (before) => get(`/people/${part(person.id)}/things${before ? `?before=${before}` : ""}`).then(
    (said) => setState((now) => ({ things: before ? [...(now.things ?? []), ...said.things] : said.things, next: said.next, error: null })),
    (error) => setState((now) => ({ ...now, error })),
  );
  useEffect(() => { load(null); }, [person.id, person.things]);
  if (state.things === null) return state.error ? html`<${Trouble} error=${state.error} />` : html`<${Loading} />`;
  const rows = state.things.map(({ number, thing }) => ({
    key: number,
    cells: [html`<a href=${`#/thing/${number}`}>${written(thing.when.time)}</a>`, t(`type.${thing.type}`), values(thing, me.preferences), thing.device.name],
  }));
  return html`<section class="card"><h2>${t("person.readings")}</h2>
    <${Table} caption="" columns=${[t("when"), t("what"), t("value"), t("device")]} rows=${rows} />
    <${Trouble} error=${state.error} />
    ${state.next && html`<button onClick=${() => load(state.next)}>${t("older")}</button>`}</section>`;
}
