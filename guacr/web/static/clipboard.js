// The clipboard in both directions: automatically if the browser allows it, else by hand.

import Guacamole from "../vendor/guacamole-common.js";
import { byId, sentence } from "./dom.js";
import { readText } from "./streams.js";

const SHOWN_MAX = 1_000_000; // characters; browsers hang if a field contains many more

export class Clipboard {
  constructor(session, signal) {
    this.session = session;
    this.known = null; // the text that both sides have
    this.unwritten = null; // a remote text that the browser has not let us write yet
    addEventListener("focus", () => this.offer(), { signal });
    // a gesture of the person allows writing a text that arrived before it
    for (const gesture of ["pointerup", "keyup"]) {
      addEventListener(gesture, () => this.writeUnwritten(), { signal, capture: true });
    }
    byId("clipboard-send").addEventListener("click", () => this.sendByHand(), { signal });
  }

  // The remote side has copied something.
  received(stream, mimetype) {
    if (!/^text\//.test(mimetype)) {
      stream.sendAck("only text is accepted", Guacamole.Status.Code.CLIENT_BAD_TYPE);
      return;
    }
    readText(stream, (text) => this.take(text));
  }

  async take(text) {
    this.known = this.unwritten = text;
    this.show(text);
    await this.writeUnwritten();
  }

  show(text) {
    const field = byId("clipboard-text");
    const fits = text.length <= SHOWN_MAX;
    field.value = fits ? text : "";
    field.placeholder = fits ? "" : `${text.length} characters, too many to show here.`;
  }

  sendByHand() {
    const { value, placeholder } = byId("clipboard-text");
    if (value || !placeholder) this.paste(value);
  }

  async writeUnwritten() {
    const text = this.unwritten;
    if (text === null) return;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (navigator.clipboard || !this.writeInOldWay(text)) return; // at the next gesture
    }
    if (this.unwritten === text) this.unwritten = null;
  }

  // Without TLS, browsers only offer a clipboard through a selected field.
  writeInOldWay(text) {
    const before = document.activeElement;
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus?.({ preventScroll: true });
    return done;
  }

  // Sends what the person may have copied elsewhere to the remote side, if allowed.
  async offer() {
    if (!this.session.connected || !navigator.clipboard?.readText) return;
    try {
      const permission = await navigator.permissions.query({ name: "clipboard-read" });
      if (permission.state !== "granted" || !document.hasFocus()) return;
      const before = this.known;
      const text = await navigator.clipboard.readText();
      if (this.known === before) this.send(text); // otherwise the remote text is newer
    } catch {
      // this browser asks each time; pasting still works
    }
  }

  send(text) {
    if (text !== "" && text !== this.known) this.paste(text);
  }

  // Sends what the person pastes even if it is known or empty: the remote side may have refused it,
  // or have another text by now, which must not be pasted instead.
  paste(text) {
    if (!this.session.connected || this.session.watches) return;
    this.known = text;
    this.unwritten = null;
    this.show(text);
    const lines = text.replace(/\r\n?/g, "\n");
    this.session.texts.send("clipboard", ["text/plain"], lines, (reason) => this.session.toast(sentence(reason)));
  }
}
