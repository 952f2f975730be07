// The page: who is there, where they are, and what is around it.

import { html, render, useEffect, useRef, useState } from "./vendor/preact.js";
import { ask, get, hush, keepCsrf, listen } from "./api.js";
import { Who } from "./kit.js";
import { Door } from "./pages/door.js";
import { speak, t } from "./words.js";

const EVERYBODY = ["owner", "member", "technician"], KEEPERS = ["owner", "member"], TECHNICAL = ["owner", "technician"], OWNER = ["owner"];
const AGAIN_MS = 1000;
const PAGES = [
  ["people", KEEPERS, () => import("./pages/people.js")],
  ["person", KEEPERS, () => import("./pages/person.js"), "people"],
  ["thing", KEEPERS, () => import("./pages/thing.js"), "people"],
  ["inbox", OWNER, () => import("./pages/inbox.js")],
  ["devices", EVERYBODY, () => import("./pages/devices.js")],
  ["pair", TECHNICAL, () => import("./pages/pair.js"), "devices"],
  ["delivery", TECHNICAL, () => import("./pages/delivery.js")],
  ["consent", KEEPERS, () => import("./pages/consent.js")],
  ["rejected", TECHNICAL, () => import("./pages/rejected.js")],
  ["audit", KEEPERS, () => import("./pages/audit.js")],
  ["log", TECHNICAL, () => import("./pages/log.js")],
  ["settings", EVERYBODY, () => import("./pages/settings.js")],
];

const route = () => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);

function useRoute() {
  const [now, setNow] = useState(route());
  useEffect(() => {
    const changed = () => setNow(route());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return now;
}

function Shell({ me, setMe, leave }) {
  const [name, ...rest] = useRoute();
  const mine = PAGES.filter(([, roles]) => roles.includes(me.role));
  const page = mine.find(([key]) => key === name) ?? mine[0];
  const [made, setMade] = useState(null);
  const [open, setOpen] = useState(false);
  const [linked, setLinked] = useState(true);
  const main = useRef(null);
  useEffect(() => {
    let current = true;
    setOpen(false);
    let timer = null;
    // A file that did not come once never comes: browsers remember that. Loading everything anew brings it.
    const again = () => { timer = setTimeout(() => get("/session").then(() => location.reload(), again), AGAIN_MS); };
    page[2]().then((module) => current && setMade({ key: page[0], Page: module.default }), () => { if (current) { setLinked(false); again(); } });
    return () => { current = false; clearTimeout(timer); };
  }, [page[0]]);
  useEffect(() => {
    const heard = (event) => setLinked(event.detail);
    addEventListener("link", heard);
    return () => removeEventListener("link", heard);
  }, []);
  const shown = made?.key === page[0];
  useEffect(() => {
    document.title = `${t(`nav.${page[0]}`)} · ${t("title")}`;
    if (shown) { scrollTo(0, 0); main.current?.querySelector("h1")?.focus({ preventScroll: true }); }
  }, [shown, page[0], rest.join("/")]);
  const here = page[3] ?? page[0];
  return html`<${Who.Provider} value=${{ ...me, setMe }}>
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current?.querySelector("h1")?.focus(); }}>${t("skip")}</a>
    <header>
      <p class="brand"><img src="icon.svg" alt="" width="28" height="28" /> ${t("title")}${me.simulated && html` <span class="tag">${t("simulated")}</span>`}</p>
      <button class="menu" aria-expanded=${open} aria-controls="nav" onClick=${() => setOpen(!open)}>${t("menu")}</button>
      <nav id="nav" class=${open ? "open" : ""} aria-label=${t("menu")}>
        <ul>${mine.filter((one) => !one[3]).map(([key]) => html`<li key=${key}>
          <a href=${`#/${key}`} aria-current=${key === here ? "page" : null} onClick=${() => setOpen(false)}>${t(`nav.${key}`)}</a></li>`)}</ul>
        <p class="me">${me.name} <button onClick=${leave}>${t("log-out")}</button></p>
      </nav>
    </header>
    ${!linked && html`<p class="trouble strip" role="alert">${t("problem.away")}</p>`}
    <main id="main" ref=${main}>${shown ? html`<${made.Page} key=${rest.join("/")} path=${rest} />` : html`<p class="muted" role="status">${t("loading")}</p>`}</main>
    <footer>health-gateway ${me.version} · ${t("not-for-alarms")}</footer>
  <//>`;
}

function App() {
  const [state, setState] = useState(null);
  const look = async () => {
    const said = await get("/session").catch(() => ({ first: false, me: null }));
    await enter(said.me, said.first);
  };
  const enter = async (me, first = false) => {
    await speak(me?.preferences.language);
    if (me) { keepCsrf(me.csrf); listen(); } else hush();
    setState({ me, first });
  };
  useEffect(() => {
    look();
    addEventListener("logged-out", look);
    return () => removeEventListener("logged-out", look);
  }, []);
  if (state === null) return null;
  if (state.me === null) return html`<${Door} first=${state.first} enter=${enter} />`;
  const leave = async () => { await ask("DELETE", "/session").catch(() => null); location.hash = ""; await look(); };
  return html`<${Shell} key=${state.me.preferences.language} me=${state.me} setMe=${enter} leave=${leave} />`;
}

render(html`<${App} />`, document.getElementById("app"));
