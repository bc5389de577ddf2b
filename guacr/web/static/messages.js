// Messages between guacr's terminals and this page, as JSON in pipes; docs/terminal.md describes them.

import { byId } from "./dom.js";
import { readText } from "./streams.js";

const PIPE = "guacr";
const MIMETYPE = "application/json";
const SCHEMES = new Set(["http:", "https:", "mailto:", "ftp:"]);

export class Messages {
  constructor(session, signal) {
    this.session = session;
    this.understood = new Set(); // the messages that the remote side accepts
    const tellFocus = () => this.send({ focus: document.hasFocus() });
    addEventListener("focus", tellFocus, { signal });
    addEventListener("blur", tellFocus, { signal });
    byId("open-link").addEventListener("click", () => this.open(), { signal });
  }

  attach(client) {
    this.understood.clear();
    client.onpipe = (stream, mimetype, name) => {
      if (name === PIPE) readText(stream, (text) => this.received(JSON.parse(text)));
      else this.session.files.receive(stream, mimetype, name); // from a program
    };
  }

  // The first message makes a terminal say what it accepts; other protocols refuse it.
  greet() {
    this.send({ focus: document.hasFocus() });
  }

  send(message) {
    if (!this.session.connected) return;
    this.session.texts.send("pipe", [MIMETYPE, PIPE], JSON.stringify(message));
  }

  received(message) {
    const { ready, found, open, notice, upload } = message;
    if (ready) {
      this.understood = new Set(ready);
      byId("action-search").hidden = !this.understood.has("search");
      this.session.view.showKind();
    }
    if (found) this.session.search.found(found);
    if (upload !== undefined) this.session.files.want(upload);
    if (notice) this.session.toast(notice);
    if (open) this.ask(open);
  }

  // Programs choose the targets of their links, so the person decides whether to open them.
  ask(address) {
    if (!URL.canParse(address) || !SCHEMES.has(new URL(address).protocol)) return;
    this.address = address;
    byId("open-address").textContent = address;
    this.session.controls.dialog("open-dialog", "open-link");
  }

  open() {
    window.open(this.address, "_blank", "noopener,noreferrer");
  }
}
