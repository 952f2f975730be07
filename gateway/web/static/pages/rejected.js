// Frames that no driver could read.

import { html } from "../vendor/preact.js";
import { Empty, Loaded, Table, useLoaded, useMe } from "../kit.js";
import { moment, t } from "../words.js";

export default function Rejected() {
  const me = useMe(), isOwner = me.role === "owner";
  const loaded = useLoaded("/rejected", ["rejected", "people"]);
  const columns = [t("when"), t("device"), t("thing.driver"), t("rejected.uuid"), t("rejected.error"), ...(isOwner ? [t("rejected.octets")] : [])];
  return html`<h1 tabindex="-1">${t("nav.rejected")}</h1><p class="muted">${t("rejected.hint")}</p>
    <${Loaded} of=${loaded}>${(said) => html`<${Table} caption="" columns=${columns} empty=${html`<${Empty} title=${t("rejected.none")}>${t("rejected.none-hint")}<//>`}
      rows=${said.map((one) => ({ key: one.position, cells: [moment(one.received), one.device, one.driver, one.uuid, one.error, ...(isOwner ? [html`<a href=${`api/v1/rejected/${one.position}`} download aria-label=${`${t("rejected.download")} ${one.position}`}>${t("rejected.download")}</a>`] : [])] }))} />`}<//>`;
}
