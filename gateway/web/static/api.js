// The gateway's API, as openapi.json describes it.

const BASE = "api/v1";
let csrf = "";

export const keepCsrf = (word) => { csrf = word; };

export class Refused extends Error {
  constructor(status, said, wait) {
    super(said.error);
    Object.assign(this, { status, code: said.code, wait });
  }
}

export async function ask(method, path, body) {
  const headers = {};
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(BASE + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Refused(0, { error: "the gateway does not answer", code: "away" });
  }
  const said = await answer.json().catch(() => ({ error: answer.statusText, code: null }));
  if (answer.ok) return said;
  if (answer.status === 401 && said.code === "log-in") dispatchEvent(new Event("logged-out"));
  throw new Refused(answer.status, said, Number(answer.headers.get("Retry-After")) || 0);
}

export const get = (path) => ask("GET", path);
export const part = encodeURIComponent;

// News: names of topics. After a gap everything may have changed.
const listeners = new Set();
let source = null;

export function listen() {
  source?.close();
  source = new EventSource(`${BASE}/events`);
  let opened = false;
  source.addEventListener("changed", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("over", () => { source.close(); dispatchEvent(new Event("logged-out")); });
  source.onopen = () => { if (opened) tell(null); opened = true; dispatchEvent(new CustomEvent("link", { detail: true })); };
  source.onerror = () => dispatchEvent(new CustomEvent("link", { detail: false }));
}

export function hush() {
  source?.close();
  source = null;
}

const tell = (topics) => listeners.forEach((one) => { if (topics === null || topics.some((topic) => one.topics.includes(topic))) one.heard(); });

export function onNews(topics, heard) {
  const one = { topics, heard };
  listeners.add(one);
  return () => listeners.delete(one);
}
