// A session that an operator watches: its screen, scaled to the window; nothing is sent but what keeps
// the connection.

import Guacamole from "../vendor/guacamole-common.js";
import { byId, sentence } from "./dom.js";
import { scaleDown } from "./scaling.js";
import { explain } from "./sentences.js";

const WEBSOCKET = "websocket"; // relative to the page, which a proxy may have moved
const HELLO = { version: "VERSION_1_5_0", width: 1024, height: 768, dpi: 96 };
const IMAGES = ["image/png", "image/jpeg", "image/webp"];
const { CONNECTED, DISCONNECTED } = Guacamole.Client.State;

export class Watching {
  constructor() {
    this.client = null;
    byId("watch-dialog").addEventListener("close", () => this.stop());
    addEventListener("pagehide", () => this.stop());
    new ResizeObserver(() => this.fit()).observe(byId("watch-display"));
  }

  // `token` lets its holder join the session.
  start(token, title) {
    this.stop();
    this.status = null;
    const tunnel = new Guacamole.WebSocketTunnel(WEBSOCKET);
    const client = (this.client = new Guacamole.Client(tunnel));
    const note = (status, fromTunnel) => (this.status ??= { status, fromTunnel });
    client.onerror = (status) => this.client === client && note(status, false);
    tunnel.onerror = (status) => this.client === client && note(status, true);
    client.onstatechange = (state) => this.client === client && this.changed(state);
    const display = client.getDisplay();
    display.showCursor(false); // until somebody moves it
    display.onresize = () => this.client === client && this.fit();
    byId("watch-display").replaceChildren(display.getElement());
    byId("watch-title").textContent = title;
    this.say("Connecting…");
    byId("watch-dialog").showModal();
    const words = new URLSearchParams({ token, ...HELLO });
    for (const type of IMAGES) words.append("image", type);
    client.connect(words.toString());
  }

  changed(state) {
    // the first picture has arrived, and is visible once it is decoded
    if (state === CONNECTED) {
      const { client } = this;
      client.getDisplay().flush(() => this.client === client && !this.status && this.say(""));
    }
    if (state !== DISCONNECTED) return;
    const [title, text] = explain(this.status?.status, this.status?.fromTunnel);
    this.say(`${title}. ${sentence(text)}`);
  }

  say(text) {
    byId("watch-status").textContent = text;
  }

  fit() {
    if (this.client) scaleDown(this.client.getDisplay(), byId("watch-display"));
  }

  stop() {
    const { client } = this;
    this.client = null;
    client?.disconnect();
    byId("watch-display").replaceChildren();
    if (byId("watch-dialog").open) byId("watch-dialog").close();
  }
}
