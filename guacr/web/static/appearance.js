// How a terminal looks, where it lets that be changed (`argv`): the size of its letters, and colours
// that go with the rest of the desktop where nobody chose some.

import { byId, sentence } from "./dom.js";
import { readText, writeText } from "./streams.js";

const SIZE = "font-size";
const COLOURS = "color-scheme";
const LIGHT = "black-white";
const BY_DEFAULT = "";

export class Appearance {
  constructor(session, signal) {
    this.session = session;
    this.prefersLight = matchMedia("(prefers-color-scheme: light)");
    this.prefersLight.addEventListener("change", () => this.follow(), { signal });
    byId("action-smaller").addEventListener("click", () => this.resize(-1), { signal });
    byId("action-larger").addEventListener("click", () => this.resize(1), { signal });
  }

  attach(client) {
    this.client = client;
    this.values = {};
    this.follows = false; // whether the colours are this page's choice
    this.showSize();
    client.onargv = (stream, mimetype, name) => readText(stream, (value) => this.told(name, value));
  }

  told(name, value) {
    const isFirst = !(name in this.values);
    this.values[name] = value;
    if (name === SIZE) this.showSize();
    if (name !== COLOURS) return;
    // who joins by a link leaves the colours to the one who made it
    if (isFirst) this.follows = value === BY_DEFAULT && !this.session.target.joins;
    else if (value !== BY_DEFAULT && value !== LIGHT) this.follows = false; // somebody chose
    if (isFirst) this.follow();
  }

  follow() {
    const wanted = this.prefersLight.matches ? LIGHT : BY_DEFAULT;
    if (this.follows && this.values[COLOURS] !== wanted) this.set(COLOURS, wanted, () => {});
  }

  showSize() {
    const size = this.values[SIZE];
    for (const id of ["action-smaller", "action-larger"]) byId(id).hidden = !size;
    byId("font-size").textContent = size ? `${size} pt` : "";
  }

  resize(step) {
    this.set(SIZE, String(Number(this.values[SIZE]) + step), (reason) => this.session.toast(sentence(reason)));
  }

  // Who may only watch is refused: only a change that was asked for says so.
  set(name, value, refused) {
    writeText(this.client.createArgumentValueStream("text/plain", name), value, refused);
  }
}
