// What all pages share: loading, saying what went wrong, asking before something that cannot be undone.

import { createContext, html, useContext, useEffect, useRef, useState } from "./vendor/preact.js";
import { ask, get, onNews } from "./api.js";
import { problem, t } from "./words.js";

export const Who = createContext(null);
export const useMe = () => useContext(Who);

// What `path` says, now and whenever one of the topics has news. `every`: seconds, for what nobody tells news of.
export function useLoaded(path, topics = [], every = 0) {
  const [state, setState] = useState({ data: null, error: null });
  const latest = useRef(0);
  const load = () => {
    const mine = ++latest.current;
    return path && get(path).then(
      (data) => mine === latest.current && setState({ data, error: null }),
      (error) => mine === latest.current && setState((before) => ({ ...before, error })),
    );
  };
  useEffect(() => {
    load();
    const off = onNews(topics, load);
    const timer = every && setInterval(() => document.visibilityState === "visible" && load(), every * 1000);
    return () => { off(); clearInterval(timer); latest.current++; };
  }, [path]);
  return { ...state, reload: load };
}

// A button's work: [run, busy, what went wrong, what came of it].
export function useDoing() {
  const [state, setState] = useState({ busy: false, error: null, done: null });
  const run = async (work) => {
    setState({ busy: true, error: null, done: null });
    try {
      const done = await work();
      setState({ busy: false, error: null, done: typeof done === "string" ? done : null });
      return true;
    } catch (error) {
      setState({ busy: false, error, done: null });
      return false;
    }
  };
  return [run, state.busy, state.error, state.done];
}

export const doing = (method, path, body, said) => async () => { await ask(method, path, body); return said; };

export const Trouble = ({ error }) => error && html`<p class="trouble" role="alert">${problem(error)}</p>`;
export const Said = ({ text }) => html`<p class="said" role="status">${text ?? ""}</p>`;
export const Loading = () => html`<p class="muted" role="status">${t("loading")}</p>`;
export const Empty = ({ title, children }) => html`<div class="empty"><p><strong>${title}</strong></p>${children && html`<p>${children}</p>`}</div>`;

export function Loaded({ of, children }) {
  if (of.data === null) return of.error ? html`<${Trouble} error=${of.error} />` : html`<${Loading} />`;
  return html`<${Trouble} error=${of.error} />${children(of.data)}`;
}

export const Tag = ({ kind = "", children }) => html`<span class=${`tag ${kind}`}>${children}</span>`;

// Asks once more before it does it.
export function Careful({ label, question, act, disabled = false, kind = "danger" }) {
  const [asking, setAsking] = useState(false);
  const yes = useRef(null);
  useEffect(() => { if (asking) yes.current?.focus(); }, [asking]);
  if (!asking) return html`<button class=${kind} disabled=${disabled} onClick=${() => setAsking(true)}>${label}</button>`;
  return html`<span class="careful" role="group" aria-label=${question}>
    <span>${question}</span>
    <button class="danger" ref=${yes} onClick=${() => { setAsking(false); act(); }}>${t("yes")}</button>
    <button onClick=${() => setAsking(false)}>${t("no")}</button>
  </span>`;
}

export function Field({ label, hint, children, id }) {
  return html`<div class="field"><label for=${id}>${label}</label>${children}${hint && html`<small id=${`${id}-hint`}>${hint}</small>`}</div>`;
}

export const whole = (count, size) => Math.min(100, Math.round((100 * count) / size));
export const Progress = ({ label, value }) => html`<p class="progress"><label>${label} <progress max="1" value=${value}></progress></label> ${whole(value, 1)} %</p>`;

// A table that becomes a list of cards where it is narrow.
export function Table({ caption, columns, rows, empty = null }) {
  if (!rows.length) return empty;
  return html`<div class="table"><table>
    <caption class=${caption ? "" : "hidden"}>${caption}</caption>
    <thead><tr>${columns.map((one) => html`<th scope="col" key=${one}>${one}</th>`)}</tr></thead>
    <tbody>${rows.map((row, at) => html`<tr key=${row.key ?? at}>${row.cells.map((cell, column) =>
      html`<td data-label=${columns[column]} key=${column}>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
