// How each device is doing.

import { html, useState } from "../vendor/preact.js";
import { ask, part } from "../api.js";
import { Careful, Empty, Loaded, Said, Tag, Trouble, useDoing, useLoaded, useMe } from "../kit.js";
import { ago, number, t } from "../words.js";

const CLOCK_IS_OFF = 60; // seconds
const LOW = 15; // percent

export default function Devices() {
  const me = useMe(), isTechnical = me.role !== "member";
  const loaded = useLoaded("/devices", ["devices", "pairing", "people"], 5);
  return html`<h1 tabindex="-1">${t("nav.devices")}</h1>
    ${isTechnical && html`<p class="row"><a class="button strong" href="#/pair">${t("devices.pair")}</a></p>`}
    <${Loaded} of=${loaded}>${(said) => html`
      ${said.adapter !== "ok" && html`<p class="trouble" role="alert">${t("devices.adapter")}: ${said.adapter}</p>`}
      ${said.cables && said.cables !== "ok" && html`<p class="trouble">${t("devices.cables")}: ${said.cables}</p>`}
      ${said.disk !== "ok" && html`<p class="trouble" role="alert">${t("devices.disk")}: ${said.disk}</p>`}
      ${said.devices.length === 0 && html`<${Empty} title=${t("devices.none")}>${t(isTechnical ? "devices.none-hint" : "devices.none-yours")}<//>`}
      <ul class="cards">${said.devices.map((one) => html`<li class="card" key=${one.address}><${Device} one=${one} isTechnical=${isTechnical} /></li>`)}</ul>`}<//>`;
}

function Device({ one, isTechnical }) {
  const [run, busy, error, done] = useDoing();
  const forget = () => run(async () => { const { forgotten } = await ask("POST", `/devices/${part(one.address)}/forget`); return t(forgotten ? "devices.forgotten" : "devices.no-bond"); });
  const state = { refused: "bad", reading: "good" }[one.state] ?? "";
  const clock = one.clock_behind;
  return html`<h2>${one.name ?? one.address}</h2>
    <p><${Tag} kind=${state}>${t(`state.${one.state}`)}<//> ${!one.listed && html`<${Tag}>${t("devices.not-listed")}<//>`} ${one.cable && html`<${Tag}>${t("transport.cable")}<//>`}</p>
    ${one.asks && html`<p class="notice"><a href=${`#/pair/${part(one.address)}`}>${t("devices.asks")}</a></p>`}
    ${one.problem && html`<p class="trouble">${one.problem}</p>`}
    ${one.quiet_days != null && html`<p class="notice">${t("devices.quiet", { count: one.quiet_days })}</p>`}
    ${one.notices.map((text) => html`<p class="notice" key=${text}>${text}</p>`)}
    <dl class="facts">
      <dt>${t("devices.kind")}</dt><dd>${one.label ?? "–"}</dd>
      <dt>${t("devices.address")}</dt><dd>${one.address}</dd>
      ${one.persons.length > 0 && html`<dt>${t("devices.whose")}</dt><dd>${one.persons.join(", ")}</dd>`}
      <dt>${t("devices.read")}</dt><dd>${one.read ? ago(one.read) : "–"}</dd>
      <dt>${t("devices.heard")}</dt><dd>${one.heard ? ago(one.heard) : "–"}</dd>
      ${one.signal != null && html`<dt>${t("devices.signal")}</dt><dd>${number(one.signal)} dBm (${t(one.signal > -70 ? "signal.good" : one.signal > -85 ? "signal.fair" : "signal.weak")})</dd>`}
      ${one.battery != null && html`<dt>${t("devices.battery")}</dt><dd class=${one.battery <= LOW ? "notice" : ""}>${one.battery} %</dd>`}
      ${clock != null && html`<dt>${t("devices.clock")}</dt><dd class=${Math.abs(clock) >= CLOCK_IS_OFF ? "notice" : ""}>${Math.abs(clock) < CLOCK_IS_OFF ? t("devices.clock-right") : t(clock > 0 ? "devices.behind" : "devices.ahead", { minutes: number(Math.abs(clock) / 60, 0) })}</dd>`}
      <dt>${t("devices.since")}</dt><dd>${t("devices.counts", { sessions: one.sessions, things: one.things })}</dd></dl>
    <${Trouble} error=${error} /><${Said} text=${done} />
    ${isTechnical && !one.cable && html`<p class="row"><a class="button" href=${`#/pair/${part(one.address)}`}>${t("devices.pair-this")}</a>
      <${Careful} label=${t("devices.forget")} question=${t("devices.forget-question")} disabled=${busy} act=${forget} /></p>`}`;
}
