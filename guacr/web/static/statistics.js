// Frames per second, round trip and bandwidth, measured only while they are shown.

import { byId } from "./dom.js";

const INTERVAL = 1000; // milliseconds
const OVERHEAD = 3; // bytes of an element's length, dot and comma, about

export class Statistics {
  constructor(session, signal) {
    this.session = session;
    this.shown = false;
    signal.addEventListener("abort", () => this.show(false));
  }

  show(shown) {
    this.shown = shown;
    byId("statistics").hidden = !shown;
    this.begin();
  }

  // Looks at what arrives through a new tunnel, before it is connected.
  attach(tunnel) {
    const pass = tunnel.oninstruction;
    tunnel.oninstruction = (opcode, args) => {
      if (this.shown) this.count(opcode, args);
      pass(opcode, args);
    };
    this.begin();
  }

  begin() {
    clearInterval(this.timer);
    if (!this.shown || !this.session.tunnel) return;
    this.frames = this.bytes = 0;
    this.since = performance.now();
    this.asked = this.roundTrip = null;
    this.timer = setInterval(() => this.tick(), INTERVAL);
    this.ask();
    byId("statistics").textContent = "…";
  }

  count(opcode, args) {
    this.bytes += opcode.length + OVERHEAD;
    for (const arg of args) this.bytes += arg.length + OVERHEAD;
    if (opcode === "sync" && args[1] !== "0") this.frames += 1; // one without a frame only measures
  }

  // The daemon refuses a parameter without a name at once: its answer, which comes after the frames
  // that are under way, shows the round trip.
  ask() {
    if (this.asked !== null || !this.session.connected) return;
    const asked = (this.asked = performance.now());
    this.session.texts.send("argv", ["text/plain", ""], "", () => {
      if (this.asked !== asked) return;
      this.roundTrip = performance.now() - asked;
      this.asked = null;
    });
  }

  tick() {
    const now = performance.now();
    const seconds = (now - this.since) / 1000;
    const waited = this.asked === null ? 0 : now - this.asked;
    const late = Math.max(waited, this.roundTrip ?? 0);
    byId("statistics").textContent = [
      `${Math.round(this.frames / seconds)} frames/s`,
      late ? `${Math.round(late)} ms` : "– ms",
      bandwidth((this.bytes * 8) / seconds),
      this.picture(),
      this.session.tunnel?.carrier() ?? "–",
    ].join(" · ");
    this.frames = this.bytes = 0;
    this.since = now;
    this.ask();
  }

  picture() {
    const { display } = this.session.screen;
    const percent = Math.round(display.getScale() * devicePixelRatio * 100);
    return `${display.getWidth()} × ${display.getHeight()} at ${percent} %`;
  }
}

function bandwidth(bits) {
  if (bits < 1e6) return `${Math.round(bits / 1e3)} kbit/s`;
  return `${(bits / 1e6).toFixed(1)} Mbit/s`;
}
