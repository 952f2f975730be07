// Pairing, step by step: which device, what to do on it, the number that it shows.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ask, part } from "../api.js";
import { Empty, Field, Loaded, Tag, Trouble, useDoing, useLoaded } from "../kit.js";
import { number, t } from "../words.js";

export default function Pair({ path: [address] }) {
  return address ? html`<${One} address=${address} />` : html`<${Choose} />`;
}

function Choose() {
  const loaded = useLoaded("/devices/near", ["devices"], 3);
  return html`<h1 tabindex="-1">${t("pair.title")}</h1><p>${t("pair.choose")}</p>
    <${Loaded} of=${loaded}>${(said) => html`
      ${said.length === 0 && html`<${Empty} title=${t("pair.none")}>${t("pair.none-hint")}<//>`}
      <ul class="cards">${said.map((one) => html`<li class="card" key=${one.address}><h2>${one.name ?? one.address}</h2>
        <p>${one.label ?? "–"} ${!one.listed && html`<${Tag}>${t("devices.not-listed")}<//>`}</p>
        <p class="muted">${one.address}${one.signal != null && ` · ${number(one.signal)} dBm`}</p>
        <a class="button" href=${`#/pair/${part(one.address)}`} aria-label=${`${t("pair.this")}: ${one.name ?? one.address}`}>${t("pair.this")}</a></li>`)}</ul>`}<//>`;
}

function One({ address }) {
  const [started, setStarted] = useState(false);
  const [run, busy, error] = useDoing();
  const loaded = useLoaded(`/devices/${part(address)}/pairing`, ["pairing"], 5);
  const near = useLoaded("/devices/near", []), listed = useLoaded("/devices", []);
  const one = [...(listed.data?.devices ?? []), ...(near.data ?? [])].find((other) => other.address === address && other.name);
  const name = one?.name ?? address;
  const start = () => run(async () => { await ask("POST", `/devices/${part(address)}/pair`); setStarted(true); await loaded.reload(); });
  return html`<h1 tabindex="-1">${t("pair.with", { name })}</h1>
    <ol class="steps"><li>${t("pair.mode")}</li><li>${t("pair.then")}</li><li>${t("pair.number")}</li></ol>
    <${Trouble} error=${error} />
    ${error?.code === "not-listed" && html`<p>${t("pair.add")}</p><pre tabindex="0" aria-label=${t("pair.add")}>${`[[device]]\naddress = "${address}"\nname = "${one?.name ?? ""}"`}</pre>`}
    <${Loaded} of=${loaded}>${(said) => { const last = said.events.at(-1); return html`
      ${!said.running && html`<button class="strong" disabled=${busy} onClick=${start}>${t(said.events.length ? "pair.again" : "pair.start")}</button>`}
      <div role="status" aria-live="polite">${said.running && !last && html`<p>${t("pair.waiting", { name })} <progress></progress></p>`}
        ${said.events.map((event, at) => html`<p key=${at} class=${event.event === "failed" ? "trouble" : event.event === "paired" ? "said" : ""}>${told(event, name)}</p>`)}
        ${said.running && last && last.event !== "question" && html`<progress aria-label=${t("loading")}></progress>`}</div>
      ${said.running && last?.event === "question" && last.kind !== "show" && html`<${Question} address=${address} name=${name} question=${last} answered=${loaded.reload} />`}
      ${last?.event === "paired" && html`<p><a class="button" href="#/devices">${t("nav.devices")}</a></p>`}`; }}<//>`;
}

const told = (event, name) => t(`pairing.${event.event}${event.event === "question" ? `-${event.kind}` : ""}`, { name, number: spaced(event.number), why: event.why });
const spaced = (number) => (number ? `${number.slice(0, 3)} ${number.slice(3)}` : "");

function Question({ address, name, question, answered }) {
  const [run, busy, error] = useDoing();
  const field = useRef(null);
  useEffect(() => field.current?.focus(), [question.kind]);
  const answer = (text) => run(async () => { await ask("POST", `/devices/${part(address)}/answer`, { text }); await answered(); });
  if (question.kind === "compare") {
    return html`<${Trouble} error=${error} /><div class="row"><button class="strong" ref=${field} disabled=${busy} onClick=${() => answer("yes")}>${t("pair.same")}</button><button disabled=${busy} onClick=${() => answer("no")}>${t("pair.different")}</button></div>`;
  }
  return html`<form onSubmit=${(event) => { event.preventDefault(); answer(new FormData(event.currentTarget).get("passkey")); }}>
    <${Field} id="passkey" label=${t("pair.passkey", { name })}><input id="passkey" name="passkey" class="code" ref=${field} inputmode="numeric" pattern="[0-9 ]{1,7}" maxlength="7" required autocomplete="off" /><//>
    <${Trouble} error=${error} />
    <div class="row"><button class="strong" disabled=${busy}>${t("pair.send")}</button><button type="button" disabled=${busy} onClick=${() => answer("no")}>${t("cancel")}</button></div></form>`;
}
