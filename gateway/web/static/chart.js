// A chart of values over time: lines or a band, gaps where nothing was measured, and one value picked with the mouse or the keyboard.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { get } from "./api.js";
import { Tag } from "./kit.js";
import { nameOf, shown, unitName, wayOf } from "./units.js";
import { number, precise, t, tick, written } from "./words.js";

const NARROWEST = 260, HEIGHT = 260, LEFT = 48, RIGHT = 10, TOP = 10, BOTTOM = 26;
const DAY = 86400;

function steps(low, high, count) {
  const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw);
  const found = [];
  for (let at = Math.ceil(low / size) * size; at <= high + size * 1e-6; at += size) found.push(at);
  return found;
}

function moments(since, until, width) {
  const span = until - since, kind = span <= 2 * DAY ? "hour" : span <= 100 * DAY ? "day" : "month";
  const wanted = Math.max(2, Math.min(7, Math.floor(width / 90)));
  return Array.from({ length: wanted }, (_, at) => since + (span * (at + 0.5)) / wanted).map((at) => [at, tick[kind](at)]);
}

// Where the line is broken: after a pause that is long for this series.
function pieces(line, gap) {
  const found = [];
  line.times.forEach((time, at) => {
    if (at === 0 || time - line.times[at - 1] > gap) found.push([]);
    found.at(-1).push(at);
  });
  return found;
}

// What a weight is on its way to: each value counts less the older it is.
function trend(line, piece, days) {
  let mean = line.values[piece[0]];
  return piece.map((at, index) => {
    if (index) mean += (line.values[at] - mean) * (1 - Math.exp(-(line.times[at] - line.times[piece[index - 1]]) / (days * DAY)));
    return mean;
  });
}

export function Chart({ title, lines, since, until, preferences, target = null, band = false, smooth = 0, gap = Infinity }) {
  const [width, setWidth] = useState(480), figure = useRef(null);
  useLayoutEffect(() => {
    // As wide as its place, so that its letters are as large as all others.
    const measure = new ResizeObserver(([entry]) => setWidth(Math.max(NARROWEST, Math.round(entry.contentRect.width))));
    measure.observe(figure.current);
    return () => measure.disconnect();
  }, []);
  const way = wayOf(lines[0].quantity, preferences);
  const ends = useMemo(() => {
    const all = lines.flatMap((line) => [...(line.low ?? line.values), ...(line.high ?? line.values)]).map(way.convert);
    if (target) all.push(...target.map(way.convert));
    const low = Math.min(...all), high = Math.max(...all), room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
    return [low - room, high + room];
  }, [lines, target]);
  const x = (time) => LEFT + ((time - since) / (until - since || 1)) * (width - LEFT - RIGHT);
  const y = (value) => TOP + ((ends[1] - way.convert(value)) / (ends[1] - ends[0])) * (HEIGHT - TOP - BOTTOM);
  // By its number, so that it stays picked when there are new ones.
  const [chosen, choose] = useState(null);
  const svg = useRef(null), times = lines[0].times, at = lines[0].numbers.indexOf(chosen);
  const picked = at < 0 ? null : at, setPicked = (index) => choose(lines[0].numbers[index]);
  const pick = (event) => {
    const box = svg.current.getBoundingClientRect(), at = since + (((event.clientX - box.left) / box.width) * width - LEFT) / (width - LEFT - RIGHT) * (until - since);
    let best = 0;
    times.forEach((time, index) => { if (Math.abs(time - at) < Math.abs(times[best] - at)) best = index; });
    setPicked(best);
  };
  const path = (line, piece, values) => piece.map((at, index) => `${index ? "L" : "M"}${x(line.times[at]).toFixed(1)} ${y(values[index]).toFixed(1)}`).join("");
  const area = (piece, times_, highs, lows) => `M${piece.map((at) => `${x(times_[at]).toFixed(1)} ${y(highs[at]).toFixed(1)}`).join("L")}L${[...piece].reverse().map((at) => `${x(times_[at]).toFixed(1)} ${y(lows[at]).toFixed(1)}`).join("L")}Z`;
  const isBand = band && lines.length > 1 && lines[1].times.length === times.length;
  const isDense = times.length > 150;
  const digits = way.digits === 0 || ends[1] - ends[0] > 10 ? 0 : 1;
  return html`<figure ref=${figure}>
    <svg class="chart" ref=${svg} viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${summary(title, lines, preferences)} onPointerMove=${pick} onPointerDown=${pick}>
      ${target && html`<rect class="aim" x=${LEFT} width=${width - LEFT - RIGHT} y=${y(target[1])} height=${Math.max(0, y(target[0]) - y(target[1]))} />`}
      ${steps(ends[0], ends[1], 5).map((value) => { const at = TOP + ((ends[1] - value) / (ends[1] - ends[0])) * (HEIGHT - TOP - BOTTOM); return html`
        <line class="axis" x1=${LEFT} x2=${width - RIGHT} y1=${at} y2=${at} /><text x=${LEFT - 6} y=${at + 4} text-anchor="end">${number(value, digits)}</text>`; })}
      ${moments(since, until, width).map(([at, label]) => html`<text x=${x(at)} y=${HEIGHT - 8} text-anchor="middle">${label}</text>`)}
      ${isBand && pieces(lines[0], gap).map((piece) => html`<path class="spread" d=${area(piece, times, lines[0].values, lines[1].values)} />`)}
      ${!isBand && lines[0].low && pieces(lines[0], gap).map((piece) => html`<path class="spread" d=${area(piece, times, lines[0].high, lines[0].low)} />`)}
      ${lines.map((line, which) => pieces(line, gap).map((piece) => html`
        <path class=${`value ${which && !isBand ? "second" : ""} ${smooth ? "faint" : ""}`} d=${path(line, piece, piece.map((at) => line.values[at]))} />
        ${smooth && html`<path class="value" d=${path(line, piece, trend(line, piece, smooth))} />`}
        ${(!isDense || piece.length === 1) && piece.map((at) => html`<circle class=${`dot ${smooth ? "faint" : ""}`} cx=${x(line.times[at])} cy=${y(line.values[at])} r="3" />`)}`))}
      ${picked !== null && html`<line class="picked" x1=${x(times[picked])} x2=${x(times[picked])} y1=${TOP} y2=${HEIGHT - BOTTOM} />
        ${lines.map((line) => line.times[picked] === times[picked] && html`<circle class="dot" cx=${x(times[picked])} cy=${y(line.values[picked])} r="5" />`)}`}
    </svg>
    <label class="hidden" for=${`pick-${title}`}>${t("chart.pick", { title })}</label>
    <input class="pick" id=${`pick-${title}`} type="range" min="0" max=${Math.max(times.length - 1, 0)} step="1" value=${picked ?? times.length - 1}
      aria-valuetext=${words(lines, picked ?? times.length - 1, preferences)} onInput=${(event) => setPicked(Number(event.currentTarget.value))} onFocus=${() => picked === null && setPicked(times.length - 1)} />
    <${Picked} lines=${lines} at=${picked} preferences=${preferences} />
  </figure>`;
}

const words = (lines, at, preferences) =>
  at < 0 ? "" : `${precise(lines[0].times[at])}: ${lines.filter((line) => line.times[at] === lines[0].times[at]).map((line) => `${nameOf(line.quantity)} ${shown(line.values[at], line.quantity, preferences)}`).join(", ")}`;

function summary(title, lines, preferences) {
  const line = lines[0], low = Math.min(...(line.low ?? line.values)), high = Math.max(...(line.high ?? line.values));
  return t("chart.summary", { title, count: line.times.length, low: shown(low, line.quantity, preferences), high: shown(high, line.quantity, preferences), last: shown(line.values.at(-1), line.quantity, preferences) });
}

const known = new Map(); // of things by number: a thing's number says the same for ever

function Picked({ lines, at, preferences }) {
  const line = lines[0], count = at === null ? 0 : (line.counts?.[at] ?? 1), n = at === null ? null : line.numbers[at];
  const [thing, setThing] = useState(null);
  useEffect(() => {
    setThing(known.get(n) ?? null);
    if (n === null || count > 1 || known.has(n)) return undefined;
    const timer = setTimeout(() => get(`/things/${n}`).then((versions) => { known.set(n, versions[0]); setThing(versions[0]); }, () => null), 200);
    return () => clearTimeout(timer);
  }, [n, count]);
  if (at === null) return html`<p class="reading muted">${t("chart.hint")}</p>`;
  if (count > 1) {
    return html`<p class="reading"><strong>${precise(line.times[at])}</strong>: ${t("chart.together", { count })} ${lines.map((one) => one.low && html`
      <span key=${one.quantity.key}>${nameOf(one.quantity)} ${shown(one.low[at], one.quantity, preferences)} – ${shown(one.high[at], one.quantity, preferences)} (${t("chart.mean")} ${shown(one.values[at], one.quantity, preferences)}) </span>`)}</p>`;
  }
  return html`<p class="reading">${words(lines, at, preferences)}
    ${thing && html`${displays(thing.thing.data).map(([name, value]) => html`<span key=${name}> · ${t("chart.displayed")} ${value}</span>`)}
      <br /><span class="muted">${written(thing.thing.when.time)} · ${t(`quality.${thing.thing.when.quality}`)} · ${thing.thing.device.name} (${thing.thing.provenance.driver})</span>
      ${" "}${thing.signed_by && html`<${Tag} kind="good">${t("thing.signed")}<//> `}<a href=${`#/thing/${n}`}>${t("chart.details")}</a>`}</p>`;
}

// What stood on the device itself, where it was in other units than the record's.
export function displays(data) {
  return Object.entries({ ...data, ...data.details }).filter(([, one]) => one?.display && (one.display.unit !== one.unit || Number(one.display.value) !== Number(one.value)))
    .map(([name, one]) => [name, `${one.display.value} ${unitName(one.display.unit)}`]);
}
