// The appearance of a terminal that lets it be changed (`argv`): the font size, and colours that match
// the desktop unless somebody has chosen others.

import { byId, sentence } from "./dom.js";
import { readText } from "./streams.js";

const SIZE = "font-size";
const COLOURS = "color-scheme";
const LIGHT = "black-white";
const BY_DEFAULT = "";
const CONTRAST = "minimum-contrast";
const NO_CONTRAST = "1"; // the default
const LIGHT_CONTRAST = "4"; // bright colours are designed for black

export class Appearance {
  constructor(session, signal) {
    this.session = session;
    this.prefersLight = matchMedia("(prefers-color-scheme: light)");
    this.prefersLight.addEventListener("change", () => this.follow(), { signal });
    byId("action-smaller").addEventListener("click", () => this.resize(-1), { signal });
    byId("action-larger").addEventListener("click", () => this.resize(1), { signal });
  }

  attach(client) {
    this.values = {};
    this.follows = false; // true if this page chooses the colours
    this.contrasts = false; // true if it chooses the contrast, too
    this.showSize();
    client.onargv = (stream, mimetype, name) => readText(stream, (value) => this.told(name, value));
  }

  told(name, value) {
    this.session.view.told(name, value);
    this.session.clipboard.told(name, value);
    const isFirst = !(name in this.values);
    this.values[name] = value;
    if (name === SIZE) this.showSize();
    if (name !== COLOURS && name !== CONTRAST) return;
    // users who join by a link leave the colours to the owner
    const { joins } = this.session.target;
    if (name === COLOURS) {
      const unchosen = value === BY_DEFAULT || value === LIGHT;
      this.follows = isFirst ? value === BY_DEFAULT && !joins : this.follows && unchosen;
    } else {
      const unchosen = value === NO_CONTRAST || value === LIGHT_CONTRAST;
      this.contrasts = isFirst ? value === NO_CONTRAST : this.contrasts && unchosen;
    }
    if (isFirst) this.follow();
  }

  follow() {
    if (!this.follows) return;
    const light = this.prefersLight.matches;
    this.change(COLOURS, light ? LIGHT : BY_DEFAULT);
    if (this.contrasts) this.change(CONTRAST, light ? LIGHT_CONTRAST : NO_CONTRAST);
  }

  change(name, wanted) {
    if (this.values[name] !== wanted) this.set(name, wanted, () => {});
  }

  showSize() {
    const size = this.values[SIZE];
    for (const id of ["action-smaller", "action-larger"]) byId(id).hidden = !size;
    byId("font-size").textContent = size ? `${size} pt` : "";
  }

  resize(step) {
    this.set(SIZE, String(Number(this.values[SIZE]) + step), (reason) => this.session.toast(sentence(reason)));
  }

  // Read-only users are refused; this is only reported if they requested the change.
  set(name, value, refused) {
    this.session.texts.send("argv", ["text/plain", name], value, refused);
  }
}
