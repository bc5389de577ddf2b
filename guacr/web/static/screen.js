// The remote screen in the window: its size in device pixels, its scale, its place.

import { byId } from "./dom.js";

const RESIZE_DELAY = 150; // milliseconds of rest after which the remote side is told
const SIZE_MAX = 8192;
const CSS_DPI = 96;

export class Screen {
  constructor(session, signal) {
    this.session = session;
    this.display = null;
    const observer = new ResizeObserver(() => this.changed());
    observer.observe(byId("screen"));
    signal.addEventListener("abort", () => observer.disconnect());
    visualViewport?.addEventListener("resize", () => this.followKeyboard(), { signal });
    visualViewport?.addEventListener("scroll", () => this.followKeyboard(), { signal });
    this.watchRatio(signal);
  }

  // The size that the remote screen should have: one remote pixel for each pixel of the device.
  wanted() {
    const box = byId("screen");
    const ratio = devicePixelRatio || 1;
    const pixels = (length) => Math.min(Math.max(Math.round(length * ratio), 1), SIZE_MAX);
    return {
      width: pixels(box.clientWidth), height: pixels(box.clientHeight),
      dpi: Math.round(CSS_DPI * ratio),
    };
  }

  show(client) {
    this.client = client;
    this.display = client.getDisplay();
    this.display.onresize = () => this.fit();
    byId("display").replaceChildren(this.display.getElement());
    this.told = this.wanted();
  }

  clear() {
    byId("display").replaceChildren();
    this.display = null;
  }

  // Scale down what is larger than the window; never blow up what is smaller.
  fit() {
    const width = this.display?.getWidth();
    const height = this.display?.getHeight();
    if (!width || !height) return;
    const box = byId("screen");
    const ratio = devicePixelRatio || 1;
    // a fraction of a pixel that rounding left over is no reason to blur the picture
    const room = (length) => length + 1 / ratio;
    const fits = Math.min(room(box.clientWidth) / width, room(box.clientHeight) / height);
    this.display.scale(Math.min(1 / ratio, fits));
    const small = width / ratio < box.clientWidth - 16 || height / ratio < box.clientHeight - 24;
    byId("display").classList.toggle("centered", small || fits < 1 / ratio);
  }

  changed() {
    this.fit();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), RESIZE_DELAY);
  }

  tell() {
    const { width, height } = this.wanted();
    if (!this.session.connected || (this.told.width === width && this.told.height === height)) return;
    this.told = { width, height };
    this.client.sendSize(width, height);
  }

  // Soft keyboards cover the page in some browsers: keep above them.
  followKeyboard() {
    const hidden = Math.max(0, innerHeight - visualViewport.height - visualViewport.offsetTop);
    byId("session").style.bottom = hidden > 1 ? `${hidden}px` : "";
  }

  watchRatio(signal) {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => {
      this.changed();
      this.watchRatio(signal);
    };
    query.addEventListener("change", changed, { once: true, signal });
  }
}
