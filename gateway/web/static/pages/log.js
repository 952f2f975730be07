// What the daemon says, as it says it.

import { html, useEffect, useState } from "../vendor/preact.js";
import { get, onNews } from "../api.js";
import { Empty, Tag, Trouble } from "../kit.js";
import { precise, t } from "../words.js";

const MOST = 400;

export default function Log() {
  const [lines, setLines] = useState(null);
  const [error, setError] = useState(null);
  const [all, setAll] = useState(false);
  useEffect(() => {
    let last = 0, running = false, again = false;
    const load = async () => {
      if (running) { again = true; return; }
      running = true;
      try {
        const said = await get(`/log?after=${last}`);
        const isNew = said.last < last; // the daemon was started anew
        last = said.last;
        setLines((before) => (isNew ? said.lines : [...(before ?? []), ...said.lines]).slice(-MOST));
        setError(null);
      } catch (problem) { setError(problem); }
      running = false;
      if (again) { again = false; load(); }
    };
    load();
    return onNews(["log"], load);
  }, []);
  const shown = (lines ?? []).filter((one) => !all || one.level === "error" || one.level === "warning").reverse();
  return html`<h1 tabindex="-1">${t("nav.log")}</h1>
    <p><label><input type="checkbox" checked=${all} onChange=${() => setAll(!all)} /> ${t("log.problems")}</label></p><${Trouble} error=${error} />
    ${lines !== null && shown.length === 0 && html`<${Empty} title=${t("log.none")} />`}
    <ol class="log">${shown.map((one) => html`<li key=${one.n}>${precise(Date.parse(one.at) / 1000)} <${Tag} kind=${{ error: "bad", warning: "warn" }[one.level] ?? ""}>${one.level}<//> ${one.event} <span class="muted">${Object.entries(one.particulars).map(([name, value]) => `${name}=${value}`).join(" ")}</span></li>`)}</ol>`;
}
