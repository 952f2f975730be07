// Logging in, and choosing a password with a code.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ask } from "../api.js";
import { Field, Trouble, useDoing } from "../kit.js";
import { t } from "../words.js";

export function Door({ first, enter }) {
  const [hasCode, setHasCode] = useState(first);
  const [run, busy, error] = useDoing();
  const title = useRef(null);
  useEffect(() => { document.title = t("title"); title.current?.focus(); }, [hasCode]);
  const go = (event) => {
    event.preventDefault();
    const said = Object.fromEntries(new FormData(event.currentTarget));
    run(async () => { const { me } = await ask("POST", hasCode ? "/welcome" : "/session", said); await enter(me); });
  };
  return html`<main class="door card">
    <p class="brand"><img src="icon.svg" alt="" width="28" height="28" /> ${t("title")}</p>
    <h1 tabindex="-1" ref=${title}>${t(first ? "door.first" : hasCode ? "door.code" : "door.log-in")}</h1>
    ${first && html`<p>${t("door.first-hint")} <code>health-gateway page</code></p>`}
    <form onSubmit=${go} key=${hasCode}>
      ${hasCode && html`<${Field} id="code" label=${t("door.the-code")}><input id="code" name="code" class="code" autocomplete="one-time-code" autocapitalize="characters" required maxlength="40" /><//>`}
      ${(first || !hasCode) && html`<${Field} id="name" label=${t("door.name")}><input id="name" name="name" autocomplete="username" required maxlength="40" /><//>`}
      <${Field} id="password" label=${t(hasCode ? "door.new-password" : "door.password")} hint=${hasCode && t("door.length")}>
        <input id="password" name="password" type="password" required minlength=${hasCode ? 10 : 1} maxlength="200" autocomplete=${hasCode ? "new-password" : "current-password"} aria-describedby=${hasCode ? "password-hint" : null} />
      <//>
      <${Trouble} error=${error} />
      <button class="strong" disabled=${busy}>${t(hasCode ? "door.enter" : "door.log-in")}</button>
    </form>
    ${!first && html`<button onClick=${() => setHasCode(!hasCode)}>${t(hasCode ? "door.have-password" : "door.have-code")}</button>`}
  </main>`;
}
