// The panel of the bar that says how the remote screen is shown, and whether input is sent.

import { askServer, byId, sentence } from "./dom.js";
import { recall, remember } from "./remembered.js";
import { ACTUAL, FIT, FOLLOW } from "./screen.js";
import { Statistics } from "./statistics.js";

const MODES = new Set([FOLLOW, FIT, ACTUAL]);
const SPEEDS = new Set(["0.5", "1", "2"]);
const TYPING = "All keys go to the remote screen.";
const WATCHING = "No keys are sent to the remote screen: view only.";
const QUALITY = "picture-quality";

export class View {
  constructor(session, signal) {
    this.session = session;
    this.statistics = new Statistics(session, signal);
    const on = (id, act) => byId(id).addEventListener("change", ({ target }) => act(target), { signal });
    on("view-modes", ({ value }) => this.chooseMode(value));
    on("view-pixels", ({ checked }) => this.choosePixels(checked));
    on("view-quality", ({ value }) => this.chooseQuality(value));
    on("view-wheel", ({ value }) => this.chooseSpeed(value));
    on("view-watches", ({ checked }) => this.watch(checked));
    on("view-statistics", ({ checked }) => this.statistics.show(checked));
    byId("action-view").addEventListener("click", () => session.connected && this.learn(), { signal });
    matchMedia("(resolution: 1dppx)").addEventListener("change", () => this.showPixels(), { signal });
    this.load();
  }

  // Users who join by a link see the owner's screen, whatever their window.
  get joins() {
    return Boolean(this.session.target.joins);
  }

  load() {
    const { screen, pointer, target } = this.session;
    const { mode, device, size, wheel } = recall(target.key);
    screen.mode = MODES.has(mode) ? mode : FOLLOW;
    screen.usesDevicePixels = device !== false;
    screen.size = size?.width > 0 && size?.height > 0 ? { width: size.width, height: size.height } : null;
    pointer.setSpeed(SPEEDS.has(wheel) ? Number(wheel) : 1);
    byId("view-modes").querySelector(`[value=${screen.mode}]`).checked = true;
    byId("view-pixels").checked = screen.usesDevicePixels;
    byId("view-wheel").value = String(pointer.speed);
    this.allow({ readOnly: target.joins === "watch", resizable: !this.joins });
    byId("view-statistics").checked = false;
    this.showPixels();
  }

  save() {
    const { screen, pointer, target } = this.session;
    remember(target.key, {
      mode: screen.mode, device: screen.usesDevicePixels, size: screen.size, wheel: String(pointer.speed),
    });
  }

  attach(tunnel) {
    this.showQuality(null);
    this.statistics.attach(tunnel);
    this.showKind();
  }

  // Terminals always follow the window.
  showKind() {
    const { screen, isTerminal } = this.session;
    byId("view-sizes").hidden = isTerminal;
    if (isTerminal && screen.mode !== FOLLOW) this.chooseMode(FOLLOW);
  }

  showPixels() {
    byId("view-pixels-row").hidden = devicePixelRatio === 1;
  }

  chooseMode(mode) {
    this.session.screen.mode = mode;
    this.session.screen.zoom = 1;
    this.keepSize();
    this.session.screen.changed();
  }

  choosePixels(device) {
    this.session.screen.usesDevicePixels = device;
    this.save();
    this.session.screen.changed();
  }

  chooseSpeed(speed) {
    this.session.pointer.setSpeed(Number(speed));
    this.save();
  }

  // A remote screen that does not follow the window keeps its size in later sessions, too.
  keepSize() {
    const { screen } = this.session;
    const { display } = screen;
    const known = screen.mode !== FOLLOW && display?.getWidth() && display.getHeight();
    screen.size = known ? { width: display.getWidth(), height: display.getHeight() } : null;
    this.save();
  }

  resized() {
    if (this.session.screen.mode !== FOLLOW && !this.joins) this.keepSize();
  }

  // ---- rights

  // Asks what this user may do, which depends on a token or the settings, and on the remote host.
  async learn() {
    const { tunnel } = this.session;
    try {
      const rights = await askServer("api/session", { tunnel: tunnel?.uuid ?? "" });
      if (this.session.tunnel === tunnel) this.allow(rights);
    } catch {
      // the session has ended
    }
  }

  allow({ readOnly, resizable }) {
    this.resizable = resizable;
    byId("view-follow").textContent = resizable ? "Follow the window" : "Shrink to the window";
    if (this.readOnly === readOnly) return;
    this.readOnly = readOnly;
    byId("view-watches").disabled = readOnly;
    this.watch(readOnly);
    this.showQuality(this.quality ?? null);
  }

  // ---- input

  // Without input, only the picture and the sound pass.
  watch(watches) {
    this.session.release();
    this.session.watches = watches;
    byId("view-watches").checked = watches;
    byId("watching").hidden = !watches;
    byId("screen").classList.toggle("watching", watches);
    byId("sink-help").textContent = `${watches ? WATCHING : TYPING} Press Ctrl+Alt+Shift to reach the controls of this page.`;
  }

  // ---- quality, where the remote side lets it be chosen

  showQuality(value) {
    this.quality = value;
    byId("view-quality-row").hidden = value === null || this.readOnly;
    byId("view-quality").value = value ?? "";
  }

  chooseQuality(value) {
    this.session.texts.send("argv", ["text/plain", QUALITY], value, (reason) => {
      this.session.toast(sentence(reason));
      this.showQuality(this.quality);
    });
  }

  told(name, value) {
    if (name === QUALITY) this.showQuality(value);
  }
}
