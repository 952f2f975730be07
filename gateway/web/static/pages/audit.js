// Who did what, and when.

import { html, useEffect, useState } from "../vendor/preact.js";
import { get } from "../api.js";
import { Empty, Loading, Table, Trouble } from "../kit.js";
import { has, precise, t } from "../words.js";

const said = (value) => (Array.isArray(value) ? value.join(", ") : value && typeof value === "object" ? JSON.stringify(value) : String(value));

export default function Audit() {
  const [state, setState] = useState({ entries: null, next: null, error: null });
  const load = (before) => get(`/audit${before ? `?before=${before}` : ""}`).then(
    (log) => setState((now) => ({ entries: before ? [...now.entries, ...log.entries] : log.entries, next: log.next, error: null })),
    (error) => setState((now) => ({ ...now, error })),
  );
  useEffect(() => { load(null); }, []);
  const word = (what) => (has(`audit.${what}`) ? t(`audit.${what}`) : what);
  return html`<h1 tabindex="-1">${t("nav.audit")}</h1><p class="muted">${t("audit-hint")} <code>health-gateway audit verify</code></p><${Trouble} error=${state.error} />
    ${state.entries === null ? !state.error && html`<${Loading} />` : html`
      <${Table} caption="" columns=${[t("when"), t("what"), t("audit-who"), t("audit-more")]} empty=${html`<${Empty} title=${t("audit-none")} />`}
        rows=${state.entries.map(({ n, at, what, particulars: { by, ...rest } }) => ({ key: n, cells: [precise(Date.parse(at) / 1000), word(what), by ?? "–", Object.entries(rest).filter(([, value]) => value !== null && value !== "").map(([name, value]) => `${name}: ${said(value)}`).join("; ")] }))} />
      <p class="row"><button onClick=${() => load(null)}>${t("newest")}</button> ${state.next && html`<button onClick=${() => load(state.next)}>${t("older")}</button>`}</p>`}`;
}
