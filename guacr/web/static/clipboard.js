// The clipboard, both ways: by itself where the browser allows it, else with the person's help.

import Guacamole from "../vendor/guacamole-common.js";
import { byId, sentence } from "./dom.js";
import { readText, writeText } from "./streams.js";

export class Clipboard {
  constructor(session, signal) {
    this.session = session;
    this.known = null; // the text that both sides have
    this.unwritten = null; // a remote text that the browser did not let us write yet
    addEventListener("focus", () => this.offer(), { signal });
    // a gesture of the person's gives leave to write what came before it
    for (const gesture of ["pointerup", "keyup"]) {
      addEventListener(gesture, () => this.writeUnwritten(), { signal, capture: true });
    }
    byId("clipboard-send").addEventListener("click", () => this.paste(byId("clipboard-text").value), { signal });
  }

  // The remote side has copied something.
  received(stream, mimetype) {
    if (!/^text\//.test(mimetype)) {
      stream.sendAck("only text can be taken", Guacamole.Status.Code.CLIENT_BAD_TYPE);
      return;
    }
    readText(stream, (text) => this.take(text));
  }

  async take(text) {
    this.known = this.unwritten = text;
    byId("clipboard-text").value = text;
    await this.writeUnwritten();
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

  // Browsers offer no clipboard to pages without TLS, except through a selected field.
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

  // The person may have copied something elsewhere: tell the remote side, if that is allowed.
  async offer() {
    if (!this.session.connected || !navigator.clipboard?.readText) return;
    try {
      const permission = await navigator.permissions.query({ name: "clipboard-read" });
      if (permission.state !== "granted" || !document.hasFocus()) return;
      const before = this.known;
      const text = await navigator.clipboard.readText();
      if (this.known === before) this.send(text); // else the remote side was quicker
    } catch {
      // this browser asks each time: pasting works all the same
    }
  }

  send(text) {
    if (text !== "" && text !== this.known) this.paste(text);
  }

  // What the person pastes is sent even if it is known, or nothing: the remote side may have
  // refused it, or have another text by now, which must not be pasted in its place.
  paste(text) {
    if (!this.session.connected) return;
    this.known = text;
    this.unwritten = null;
    byId("clipboard-text").value = text;
    const stream = this.session.client.createClipboardStream("text/plain");
    writeText(stream, text.replace(/\r\n?/g, "\n"), (reason) => this.session.toast(sentence(reason)));
  }
}
