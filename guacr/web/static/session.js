// A remote session in the whole window: the Guacamole client with its screen, input and controls.

import Guacamole from "../vendor/guacamole-common.js";
import { Appearance } from "./appearance.js";
import { Clipboard, CLIPBOARD_TYPES } from "./clipboard.js";
import { Controls } from "./controls.js";
import { byId, sentence } from "./dom.js";
import { Files } from "./files/files.js";
import { DIRECTORY_TYPE } from "./files/system.js";
import { Input } from "./input.js";
import { Keypad } from "./keypad.js";
import { Messages } from "./messages.js";
import { Pointer } from "./pointer.js";
import { Reconnecting } from "./reconnecting.js";
import { Required } from "./required.js";
import { Screen } from "./screen.js";
import { Search } from "./search.js";
import { explain, mayPass } from "./sentences.js";
import { playerOf, soundTypes } from "./sound.js";
import { Texts } from "./streams.js";
import { makeTunnel } from "./tunnels.js";
import { View } from "./view.js";

const VERSION = "VERSION_1_5_0"; // the newest protocol that guacamole-common-js supports
const IMAGES = ["image/png", "image/jpeg", "image/webp"];
const { CONNECTED, DISCONNECTED } = Guacamole.Client.State;
const Tunnel = Guacamole.Tunnel.State;
const MICROPHONE = "audio/L16;rate=44100,channels=2";
const TOAST_TIME = 4000;
const CANCEL_AFTER = 3000; // milliseconds of an attempt to connect

export class Session {
  // `target.query()` returns what to connect to; `leave` goes back to the list.
  constructor(target, leave) {
    this.target = target;
    this.leave = leave;
    this.ended = false;
    this.watches = false; // true if no input is sent
    this.stop = new AbortController(); // ends every listener of this session
    byId("session").hidden = false;
    const { signal } = this.stop;
    byId("notice-reconnect").addEventListener("click", () => this.connect(), { signal });
    byId("notice-leave").addEventListener("click", () => leave(), { signal });
    byId("notice-cancel").addEventListener("click", () => leave(), { signal });
    byId("action-leave").addEventListener("click", () => leave(), { signal });
    addEventListener("pagehide", () => this.client?.disconnect(), { signal });
    addEventListener("beforeunload", (event) => this.connected && event.preventDefault(), { signal });
    this.reconnecting = new Reconnecting(this, signal);
    this.controls = new Controls(this, signal);
    this.screen = new Screen(this, signal);
    this.input = new Input(this, signal);
    this.keypad = new Keypad(this);
    this.pointer = new Pointer(this, signal);
    this.clipboard = new Clipboard(this, signal);
    this.messages = new Messages(this, signal);
    this.appearance = new Appearance(this, signal);
    this.files = new Files(this, signal);
    this.required = new Required(this, signal);
    this.search = new Search(this, signal);
    this.view = new View(this, signal);
    this.connect();
  }

  get title() {
    const { title, keepsTitle } = this.target;
    if (keepsTitle && this.name && this.name !== title) return `${title} – ${this.name}`;
    return this.name || title || "Session";
  }

  get connected() {
    return this.state === CONNECTED;
  }

  // Terminals are the only protocols that exchange messages with the page.
  get isTerminal() {
    return this.messages.understood.size > 0;
  }

  async connect() {
    this.reconnecting.stop();
    this.disconnect();
    this.name = "";
    this.status = null;
    this.setTitle();
    this.wait(this.target.title ? `Connecting to ${this.target.title}…` : "Connecting…");
    const attempt = (this.attempt = {}); // events of older attempts are ignored
    try {
      const [query, sounds] = await Promise.all([this.target.query(), soundTypes()]);
      if (this.attempt === attempt && !this.ended) this.start(query, sounds, attempt);
    } catch (error) {
      if (this.attempt === attempt) this.fail("Not possible", error.message, error.isLoss && this.wasConnected);
    }
  }

  start(query, sounds, attempt) {
    const tunnel = (this.tunnel = makeTunnel());
    const client = (this.client = new Guacamole.Client(tunnel));
    this.texts = new Texts(client, tunnel);
    const current = (act) => (...args) => (this.attempt === attempt ? act(...args) : undefined);
    client.onstatechange = current((state) => this.stateChanged(state));
    client.onerror = current((status) => this.failed(status, false));
    tunnel.onerror = current((status) => this.failed(status, true));
    tunnel.onstatechange = current((state) => this.tunnelChanged(state));
    client.onname = current((name) => this.renamed(name));
    client.onaudio = playerOf;
    client.onclipboard = current((stream, mimetype) => this.clipboard.received(stream, mimetype));
    client.onrequired = current((names) => this.required.ask(names, client));
    client.onjoin = current((id, name) => this.toast(`${name || "Someone"} joined this session`));
    client.onleave = current((id, name) => this.toast(`${name || "Someone"} left this session`));
    this.screen.show(client);
    this.input.attach(client);
    this.pointer.attach(client);
    this.messages.attach(client);
    this.appearance.attach(client);
    this.clipboard.attach();
    this.files.attach(client, tunnel);
    this.view.attach(tunnel);
    client.connect(this.connectString(query, sounds));
  }

  tunnelChanged(state) {
    if (state === Tunnel.UNSTABLE) this.toast("The network is slow or interrupted", true);
    if (state === Tunnel.OPEN) this.clearWarning();
    if (state === Tunnel.CLOSED) this.client.disconnect();
  }

  connectString(query, sounds) {
    const { width, height, dpi } = this.screen.wanted();
    const words = new URLSearchParams({
      ...query, width, height, dpi, version: VERSION,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone ?? "",
    });
    for (const type of IMAGES) words.append("image", type);
    for (const type of CLIPBOARD_TYPES) words.append("clipboard", type);
    words.append("files", DIRECTORY_TYPE);
    for (const type of sounds) words.append("audio", type);
    return words.toString();
  }

  // The browser asks for permission when the remote side starts to record, not earlier.
  offerMicrophone(client) {
    if (!navigator.mediaDevices?.getUserMedia) return; // unavailable over plain HTTP
    const stream = client.createAudioStream(MICROPHONE);
    const recorder = Guacamole.AudioRecorder.getInstance(stream, MICROPHONE);
    if (recorder) recorder.onclose = () => this.client === client && this.offerMicrophone(client);
    else stream.sendEnd();
  }

  // The state, for style sheets and automation: connecting, connected, reconnecting or ended.
  show(state) {
    byId("session").dataset.state = state;
  }

  stateChanged(state) {
    this.state = state;
    // the first picture has arrived, and is visible once it is decoded
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
    this.stopWaiting();
    byId("notice").hidden = true;
    this.wasConnected = true;
    this.reconnecting.succeeded();
    this.show("connected");
    this.screen.fit();
    this.input.focus();
    this.clipboard.offer();
    this.offerMicrophone(this.client);
    this.messages.greet();
    this.view.learn();
  }

  // Only the first reason is kept: others are its consequences.
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
    this.stopWaiting();
    this.waiting = setTimeout(() => (byId("notice-cancel").hidden = false), CANCEL_AFTER);
  }

  stopWaiting() {
    clearTimeout(this.waiting);
    byId("notice-cancel").hidden = true;
  }

  fail(title, text, again = false) {
    this.stopWaiting();
    this.clearWarning();
    this.files.close();
    this.required.close();
    this.release();
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

  // Releases the keys and buttons that are held.
  release() {
    this.input?.release();
    this.pointer?.release();
  }

  disconnect() {
    this.attempt = null;
    this.release();
    this.files?.close();
    this.required?.close();
    this.client?.disconnect();
    this.client = this.tunnel = this.state = null;
  }

  end() {
    this.ended = true;
    this.stopWaiting();
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
