// The search field of a terminal.

import { byId } from "./dom.js";

const WAIT = 150; // milliseconds without typing after which the text is searched for

export class Search {
  constructor(session, signal) {
    this.session = session;
    const on = (id, type, act, options) => byId(id).addEventListener(type, act, { signal, ...options });
    on("screen", "keydown", (event) => this.intercept(event), { capture: true });
    on("action-search", "click", () => this.open());
    on("search", "submit", (event) => event.preventDefault());
    on("search", "keydown", (event) => this.key(event));
    on("search-text", "input", () => this.typed());
    on("search-older", "click", () => this.go(false));
    on("search-newer", "click", () => this.go(true));
    on("search-close", "click", () => this.close());
  }

  intercept(event) {
    const wanted = event.ctrlKey && event.shiftKey && !event.altKey && event.key.toLowerCase() === "f";
    if (!wanted || !this.session.messages.understood.has("search")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.session.input.release();
    this.open();
  }

  open() {
    this.session.controls.close();
    byId("search").hidden = false;
    byId("search-text").select();
    byId("search-text").focus();
  }

  close() {
    clearTimeout(this.timer);
    if (byId("search").hidden) return;
    byId("search").hidden = true;
    byId("search-count").textContent = "";
    this.session.messages.send({ search: { text: "" } });
    this.session.input.focus();
  }

  key(event) {
    if (event.key === "Escape") this.close();
    if (event.key === "Enter" && event.target === byId("search-text")) this.go(event.shiftKey);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.go(false), WAIT);
  }

  go(newer) {
    clearTimeout(this.timer);
    this.session.messages.send({ search: { text: byId("search-text").value, newer } });
  }

  found({ number, total }) {
    const nothing = byId("search-text").value ? "Not found" : "";
    byId("search-count").textContent = total ? `${number} of ${total}` : nothing;
  }
}
