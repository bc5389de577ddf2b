// The start page: the configured connections, and forms for other hosts.

import { askServer, byId, element } from "./dom.js";
import { buildFields, fillField, readFields } from "./fields.js";

const FILTER_FROM = 9; // number of connections from which a filter is shown

const TERMINAL = "M5 6.500l4 3.500-4 3.500M10.500 14H15M2.500 3.500h15v13h-15z";
const SCREEN = "M2.500 3.500h15v10h-15zM7 17h6M10 13.500V17";
const DATABASE =
  "M4 5.500c0-3.300 12-3.300 12 0s-12 3.300-12 0v9c0 3.300 12 3.300 12 0v-9M4 10c0 3.300 12 3.300 12 0";
const CARD = "M2.500 3.500h15v13h-15zM6.500 3.500v8M10 3.500v8M13.500 3.500v8M2.500 11.500h15";
const GLYPHS = {
  ssh: TERMINAL, telnet: TERMINAL, kubernetes: TERMINAL, vnc: SCREEN, rdp: SCREEN,
  postgresql: DATABASE, postgres: DATABASE, mysql: DATABASE, sqlite: DATABASE, redis: DATABASE,
  mongodb: DATABASE, oracle: DATABASE, sqlserver: DATABASE, "sql-server": DATABASE, testcard: CARD,
};
const KINDS = {
  ssh: "SSH", telnet: "Telnet", kubernetes: "Kubernetes", vnc: "VNC", rdp: "Remote Desktop",
  postgresql: "PostgreSQL", postgres: "PostgreSQL", mysql: "MySQL", sqlite: "SQLite", redis: "Redis",
  mongodb: "MongoDB", oracle: "Oracle", sqlserver: "SQL Server", "sql-server": "SQL Server",
  testcard: "Test card",
};
const SECRET_KINDS = new Set(["password", "multiline"]); // kinds of fields that no URL contains
const kindOf = (protocol) => KINDS[protocol] ?? protocol;

function svg(path, className = "") {
  const name = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(name, "svg");
  picture.setAttribute("viewBox", "0 0 20 20");
  picture.setAttribute("aria-hidden", "true");
  if (className) picture.setAttribute("class", className);
  const shape = document.createElementNS(name, "path");
  shape.setAttribute("d", path);
  picture.append(shape);
  return picture;
}

export class Catalog {
  // `open` is called with a target whose parameters were entered in a form.
  constructor(open) {
    this.open = open;
    this.offers = { connections: [], forms: [], needsToken: false };
    this.form = null;
    byId("host").textContent = location.host;
    byId("filter").addEventListener("input", () => this.listConnections());
    byId("form").addEventListener("submit", (event) => this.submit(event));
  }

  async load() {
    this.offers = await askServer("api/connections");
  }

  titleOf(name) {
    return this.offers.connections.find((offer) => offer.name === name)?.title ?? name;
  }

  hide() {
    byId("catalog").hidden = true;
  }

  async show() {
    byId("catalog").hidden = false;
    byId("session").hidden = true;
    try {
      await this.load();
    } catch (error) {
      byId("catalog-status").textContent = error.message;
      return;
    }
    byId("catalog-status").textContent = this.emptySentence();
    byId("filter").hidden = this.offers.connections.length < FILTER_FROM;
    this.listConnections();
    this.listForms();
  }

  emptySentence() {
    const { connections, forms, needsToken } = this.offers;
    if (needsToken) return "This server needs a link that contains a token. Open the link that you were given.";
    if (connections.length || forms.length) return "";
    return "There are no connections yet. Add one to the configuration of guacr, under [connections.NAME].";
  }

  listConnections() {
    const words = byId("filter").value.trim().toLowerCase();
    const shown = this.offers.connections.filter(
      (offer) => !words || `${offer.title} ${offer.name} ${kindOf(offer.protocol)}`.toLowerCase().includes(words),
    );
    byId("connections").replaceChildren(...shown.map((offer) => this.card(offer)));
    byId("connections-section").hidden = !this.offers.connections.length;
    if (words) byId("catalog-status").textContent = shown.length ? "" : "No connection matches.";
    else byId("catalog-status").textContent = this.emptySentence();
  }

  card(offer) {
    const link = element("a", { className: "card", href: "#" + new URLSearchParams({ connection: offer.name }) });
    const glyph = element("span", { className: "glyph" });
    glyph.append(svg(GLYPHS[offer.protocol] ?? SCREEN));
    const text = element("span", { className: "card-text" });
    text.append(
      element("span", { className: "card-title", textContent: offer.title }),
      element("span", { className: "card-kind", textContent: kindOf(offer.protocol) }),
    );
    link.append(glyph, text, svg("M7.500 4.500l5.500 5.500-5.500 5.500", "card-arrow"));
    const item = element("li");
    item.append(link);
    return item;
  }

  listForms() {
    byId("forms-section").hidden = !this.offers.forms.length;
    byId("forms").replaceChildren(...this.offers.forms.map((form) => {
      const button = element("button", { type: "button", textContent: kindOf(form.protocol) });
      button.setAttribute("aria-pressed", String(form.protocol === this.form?.protocol));
      button.addEventListener("click", () => this.showForm(form));
      const item = element("li");
      item.append(button);
      return item;
    }));
  }

  showForm(form) {
    this.form = form;
    this.listForms();
    byId("form-title").textContent = kindOf(form.protocol);
    byId("form-error").textContent = "";
    const common = form.fields.filter((field) => field.common);
    const rest = form.fields.filter((field) => !field.common);
    byId("form-common").replaceChildren(...buildFields(common, "form"));
    byId("form-rest").replaceChildren(...buildFields(rest, "form"));
    byId("form-more").hidden = !rest.length;
    byId("form-more").open = false;
    byId("form").hidden = false;
    byId("forms-section").scrollIntoView();
    byId("form").querySelector("input, select, textarea, button")?.focus({ preventScroll: true });
  }

  // Fills in a form from the URL; the person checks it, adds secrets, and connects.
  fillIn(words) {
    const form = this.offers.forms.find((one) => one.protocol === words.get("protocol"));
    if (!form) return;
    this.showForm(form);
    for (const [name, value] of words) {
      const input = byId("form").querySelector(`[name="${CSS.escape(name)}"]`);
      if (!input) continue;
      fillField(input, value);
      if (byId("form-rest").contains(input)) byId("form-more").open = true;
    }
  }

  async submit(event) {
    event.preventDefault();
    const { protocol } = this.form;
    const parameters = readFields(byId("form"));
    const query = () => askServer("api/form", { protocol, parameters });
    try {
      const first = await query();
      const waiting = [first];
      const title = parameters.hostname || kindOf(protocol);
      const shown = this.form.fields.filter((field) => !SECRET_KINDS.has(field.kind) && field.name in parameters);
      const address = { protocol, ...Object.fromEntries(shown.map(({ name }) => [name, parameters[name]])) };
      const key = `${protocol}=${parameters.hostname ?? ""}`;
      this.open({ title, key, address, query: async () => waiting.pop() ?? query() });
    } catch (error) {
      byId("form-error").textContent = error.message;
    }
  }
}
