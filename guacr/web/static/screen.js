// The remote screen in the window: its size, its scale, its position.

import { byId } from "./dom.js";
import { scaleTo } from "./scaling.js";

const RESIZE_DELAY = 150; // milliseconds without a change after which the size is sent
const SIZE_MAX = 8192;
const CSS_DPI = 96;
const ZOOM_MAX = 8;
const EDGE = 32; // CSS pixels from an edge of the window at which a touchpad's pointer moves the picture
const CENTRE_SLACK = 20; // CSS pixels by which a screen may be away from the centre
const SMALL_REST = 24; // CSS pixels below a screen that still begins at the top, as a terminal does

export const FOLLOW = "follow"; // the remote screen has the size of the window, where it can
export const FIT = "fit"; // it is scaled to the window
export const ACTUAL = "actual"; // it is neither

export class Screen {
  constructor(session, signal) {
    this.session = session;
    this.display = null;
    this.mode = FOLLOW;
    this.usesDevicePixels = true; // false: one remote pixel for each CSS pixel
    this.size = null; // of the remote screen, if it does not follow the window
    this.zoom = 1; // by fingers
    this.box = { width: 1, height: 1 }; // the room in the window, in CSS pixels
    const observer = new ResizeObserver(() => this.changed());
    observer.observe(byId("screen"));
    signal.addEventListener("abort", () => observer.disconnect());
    visualViewport?.addEventListener("resize", () => this.followKeyboard(), { signal });
    visualViewport?.addEventListener("scroll", () => this.followKeyboard(), { signal });
    this.watchRatio(signal);
  }

  // Remote pixels for each CSS pixel if the screen is not scaled.
  get ratio() {
    return this.usesDevicePixels ? devicePixelRatio || 1 : 1;
  }

  // Returns the wanted size of the remote screen: that of the window, unless another one is kept.
  wanted() {
    this.measure();
    const { ratio } = this;
    const pixels = (length) => Math.min(Math.max(Math.round(length * ratio), 1), SIZE_MAX);
    const window = { width: pixels(this.box.width), height: pixels(this.box.height) };
    return { ...(this.mode === FOLLOW ? window : this.size ?? window), dpi: Math.round(CSS_DPI * ratio) };
  }

  show(client) {
    this.client = client;
    this.display = client.getDisplay();
    this.zoom = 1;
    this.display.onresize = () => {
      this.session.view.resized();
      this.fit();
    };
    byId("display").replaceChildren(this.display.getElement());
    this.told = this.wanted();
  }

  clear() {
    byId("display").replaceChildren();
    this.display = null;
  }

  // ---- scale and position

  // A soft keyboard covers a desktop, and neither scales nor resizes it.
  measure() {
    const { clientWidth: width, clientHeight: height } = byId("screen");
    const covered = this.session.input.softKeyboard && !this.session.isTerminal;
    if (covered && this.box.width === width && height < this.box.height) return;
    this.box = { width, height };
  }

  // The scale without fingers: the screen is scaled down if it is larger than the window, and up
  // only in the mode for that.
  baseScale(width, height) {
    const natural = 1 / this.ratio;
    const fits = Math.min(this.box.width / width, this.box.height / height);
    // do not blur the picture because of a pixel from rounding
    const near = Math.abs(fits - natural) * Math.max(width, height) <= 1 / devicePixelRatio;
    if (near || this.mode === ACTUAL) return natural;
    return this.mode === FIT ? fits : Math.min(natural, fits);
  }

  fit() {
    const width = this.display?.getWidth();
    const height = this.display?.getHeight();
    if (!width || !height) return;
    this.measure();
    const scale = this.baseScale(width, height) * this.zoom;
    this.session.pointer.rescale(scale / this.display.getScale());
    scaleTo(this.display, scale);
    this.place(width * scale, height * scale);
    this.session.pointer.cursor?.show();
  }

  place(width, height) {
    const { clientWidth, clientHeight } = byId("screen");
    const rest = { x: clientWidth - width, y: clientHeight - height };
    const atTop = rest.y < SMALL_REST && rest.x < SMALL_REST;
    Object.assign(this.display.getElement().style, {
      marginLeft: `${half(rest.x)}px`, marginTop: `${atTop ? 0 : half(rest.y)}px`,
    });
    this.isLarger = rest.x <= -1 || rest.y <= -1;
    byId("display").classList.toggle("larger", this.isLarger);
  }

  // Enlarges the picture; the point (x, y) of the window stays where it is.
  zoomBy(factor, { x, y }) {
    const element = this.display.getElement();
    const before = element.getBoundingClientRect();
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), ZOOM_MAX);
    this.fit();
    const after = element.getBoundingClientRect();
    const times = after.width / before.width;
    this.panBy(after.left + (x - before.left) * times - x, after.top + (y - before.top) * times - y);
  }

  panBy(x, y) {
    byId("display").scrollBy(x, y);
  }

  // Keeps a touchpad's pointer in the window.
  follow({ x, y }) {
    const { clientWidth, clientHeight } = byId("screen");
    const { scrollLeft, scrollTop } = byId("display");
    const over = (at, length) => Math.min(at - EDGE, 0) + Math.max(at + EDGE - length, 0);
    if (this.isLarger) this.panBy(over(x - scrollLeft, clientWidth), over(y - scrollTop, clientHeight));
  }

  // Shows where the person has pointed last, if a soft keyboard has covered it.
  reveal() {
    const { last } = this.session.pointer;
    const { clientHeight } = byId("screen");
    const y = last ? last.y * this.display.getScale() - byId("display").scrollTop : 0;
    if (y > clientHeight) this.panBy(0, y - clientHeight / 2);
  }

  // ---- following the window

  changed() {
    this.fit();
    if (this.session.input.softKeyboard && this.isLarger) this.reveal();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), RESIZE_DELAY);
  }

  tell() {
    const { width, height } = this.wanted();
    if (!this.session.connected || this.session.target.joins) return;
    if (this.told.width === width && this.told.height === height) return;
    this.told = { width, height };
    this.client.sendSize(width, height);
  }

  // Keeps the page above soft keyboards, which cover it in some browsers.
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

// Returns about half of a length: whole CSS pixels that are whole device pixels, too, because a picture
// between device pixels would be blurred.
function half(length) {
  const middle = Math.max(0, Math.floor(length / 2));
  const isWhole = (pixels) => Math.abs(pixels - Math.round(pixels)) < 0.001;
  for (let start = middle; start > middle - CENTRE_SLACK && start > 0; start -= 1) {
    if (isWhole(start * devicePixelRatio)) return start;
  }
  return middle < CENTRE_SLACK ? 0 : middle;
}
