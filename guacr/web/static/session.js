// One remote session, full-window: the Guacamole client with its screen, input and controls.

import Guacamole from "../vendor/guacamole-common.js";
import { Appearance } from "./appearance.js";
import { Clipboard } from "./clipboard.js";
import { Controls } from "./controls.js";
import { byId, sentence } from "./dom.js";
import { Files } from "./files.js";
import { Input } from "./input.js";
import { Messages } from "./messages.js";
import { Reconnecting } from "./reconnecting.js";
import { Required } from "./required.js";
import { Screen } from "./screen.js";
import { Search } from "./search.js";
import { explain, mayPass } from "./sentences.js";

const TUNNEL = "websocket"; // beside the page, wherever a proxy has put it
const VERSION = "VERSION_1_5_0"; // the newest protocol that guacamole-common-js speaks
const IMAGES = ["image/png", "image/jpeg", "image/webp"];
const { CONNECTED, DISCONNECTED } = Guacamole.Client.State;
const Tunnel = Guacamole.Tunnel.State;
const TOAST_TIME = 4000;

export class Session {
  // `target.query()` gives what to connect to; `leave` goes back to the list.
  constructor(target, leave) {
    this.target = target;
    this.leave = leave;
    this.ended = false;
    this.stop = new AbortController(); // ends every listener of this session
    byId("session").hidden = false;
    const { signal } = this.stop;
    byId("notice-reconnect").addEventListener("click", () => this.connect(), { signal });
    byId("notice-leave").addEventListener("click", () => leave(), { signal });
    byId("action-leave").addEventListener("click", () => leave(), { signal });
    addEventListener("pagehide", () => this.client?.disconnect(), { signal });
    addEventListener("beforeunload", (event) => this.connected && event.preventDefault(), { signal });
    this.reconnecting = new Reconnecting(this, signal);
    this.controls = new Controls(this, signal);
    this.screen = new Screen(this, signal);
    this.input = new Input(this, signal);
    this.clipboard = new Clipboard(this, signal);
    this.messages = new Messages(this, signal);
    this.appearance = new Appearance(this, signal);
    this.files = new Files(this, signal);
    this.required = new Required(this, signal);
    this.search = new Search(this, signal);
    this.connect();
  }

  get title() {
    return this.name || this.target.title || "Session";
  }

  get connected() {
    return this.state === CONNECTED;
  }

  async connect() {
    this.reconnecting.stop();
    this.disconnect();
    this.name = "";
    this.status = null;
    this.setTitle();
    this.wait(this.target.title ? `Connecting to ${this.target.title}…` : "Connecting…");
    const attempt = (this.attempt = {}); // what belongs to an older attempt is ignored
    try {
      const query = await this.target.query();
      if (this.attempt === attempt && !this.ended) this.start(query, attempt);
    } catch (error) {
      if (this.attempt === attempt) this.fail("Not possible", error.message, error.isLoss && this.wasConnected);
    }
  }

  start(query, attempt) {
    const tunnel = (this.tunnel = new Guacamole.WebSocketTunnel(TUNNEL));
    const client = (this.client = new Guacamole.Client(tunnel));
    const current = (act) => (...args) => (this.attempt === attempt ? act(...args) : undefined);
    client.onstatechange = current((state) => this.stateChanged(state));
    client.onerror = current((status) => this.failed(status, false));
    tunnel.onerror = current((status) => this.failed(status, true));
    tunnel.onstatechange = current((state) => this.tunnelChanged(state));
    client.onname = current((name) => this.renamed(name));
    client.onclipboard = current((stream, mimetype) => this.clipboard.received(stream, mimetype));
    client.onrequired = current((names) => this.required.ask(names, client));
    client.onjoin = current((id, name) => this.toast(`${name || "Someone"} joined this session`));
    client.onleave = current((id, name) => this.toast(`${name || "Someone"} left this session`));
    this.screen.show(client);
    this.input.attach(client);
    this.messages.attach(client);
    this.appearance.attach(client);
    this.files.attach(client, tunnel);
    client.connect(this.connectString(query));
  }

  tunnelChanged(state) {
    if (state === Tunnel.UNSTABLE) this.toast("The network is slow or interrupted", true);
    if (state === Tunnel.OPEN) this.clearWarning();
    if (state === Tunnel.CLOSED) this.client.disconnect();
  }

  connectString(query) {
    const { width, height, dpi } = this.screen.wanted();
    const words = new URLSearchParams({
      ...query, width, height, dpi, version: VERSION,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone ?? "",
    });
    for (const type of IMAGES) words.append("image", type);
    for (const type of Guacamole.AudioPlayer.getSupportedTypes()) words.append("audio", type);
    return words.toString();
  }

  // Also for style sheets and whoever drives the page: connecting, connected, reconnecting or ended.
  show(state) {
    byId("session").dataset.state = state;
  }

  stateChanged(state) {
    this.state = state;
    // the first picture has arrived, and is seen once it is decoded
    if (state === CONNECTED) {
      const { client } = this;
      client.getDisplay().flush(() => this.client === client && this.connected && this.appeared());
    }
    if (state === DISCONNECTED) {
      const [title, text] = explain(this.status?.status, this.status?.fromTunnel);
      this.fail(title, text, this.wasConnected && mayPass(this.status));
    }
  }

  appeared() {
    byId("notice").hidden = true;
    this.wasConnected = true;
    this.reconnecting.succeeded();
    this.show("connected");
    this.screen.fit();
    this.input.focus();
    this.clipboard.offer();
    this.messages.greet();
  }

  // The first reason counts: what follows is its consequence.
  failed(status, fromTunnel = false) {
    this.status ??= { status, fromTunnel };
  }

  renamed(name) {
    this.name = name;
    this.setTitle();
  }

  setTitle() {
    document.title = this.title;
    byId("bar-title").textContent = this.title;
  }

  wait(text) {
    this.show("connecting");
    byId("notice").className = "notice waiting";
    byId("notice-title").textContent = text;
    byId("notice-text").textContent = "";
    byId("notice").hidden = false;
  }

  fail(title, text, again = false) {
    this.clearWarning();
    this.files.close();
    this.required.close();
    this.input.release();
    byId("notice").className = "notice";
    this.show(again && this.reconnecting.begin() ? "reconnecting" : "ended");
    byId("notice-title").textContent = title;
    byId("notice-text").textContent = sentence(text);
    byId("notice").hidden = false;
    this.controls.close();
    this.search.close();
    byId("notice-reconnect").focus();
  }

  toast(text, lasting = false) {
    clearTimeout(this.toastTimer);
    const toast = byId("toast");
    toast.textContent = text;
    toast.classList.toggle("warn", lasting);
    toast.hidden = false;
    if (!lasting) this.toastTimer = setTimeout(() => (toast.hidden = true), TOAST_TIME);
  }

  clearWarning() {
    if (byId("toast").classList.contains("warn")) byId("toast").hidden = true;
  }

  disconnect() {
    this.attempt = null;
    this.input?.release();
    this.files?.close();
    this.required?.close();
    this.client?.disconnect();
    this.client = this.tunnel = this.state = null;
  }

  end() {
    this.ended = true;
    this.disconnect();
    this.screen.clear();
    this.controls.close();
    this.search.close();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    byId("toast").hidden = true;
    byId("session").hidden = true;
    this.stop.abort();
  }
}
