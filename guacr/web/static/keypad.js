// Keys and chords as buttons: those that a phone lacks, and those that the browser or the desktop
// around it would keep for itself.

import { byId, element } from "./dom.js";

const CONTROL = 0xffe3, SHIFT = 0xffe1, ALT = 0xffe9, SUPER = 0xffeb;
const BACKSPACE = 0xff08, TAB = 0xff09, ESCAPE = 0xff1b, DELETE = 0xffff, F1 = 0xffbe;

const ROW = [
  ["Esc", [ESCAPE]], ["Tab", [TAB]], ["Ctrl", [CONTROL]], ["Alt", [ALT]],
  ["←", [0xff51], "Left"], ["↑", [0xff52], "Up"], ["↓", [0xff54], "Down"], ["→", [0xff53], "Right"],
  ["Home", [0xff50]], ["End", [0xff57]], ["PgUp", [0xff55], "Page up"], ["PgDn", [0xff56], "Page down"],
];
const CHORDS = [
  ["Ctrl+Alt+Del", [CONTROL, ALT, DELETE]], ["Ctrl+Alt+Backspace", [CONTROL, ALT, BACKSPACE]],
  ["Alt+Tab", [ALT, TAB]], ["Alt+F4", [ALT, F1 + 3]], ["Ctrl+Esc", [CONTROL, ESCAPE]],
  ["Super", [SUPER]], ["Menu", [0xff67]], ["Print", [0xff61], "Print Screen"], ["Pause", [0xff13]],
  ["Insert", [0xff63]], ["Caps Lock", [0xffe5]], ["Num Lock", [0xff7f]],
];
const FUNCTIONS = Array.from({ length: 12 }, (_, at) => [`F${at + 1}`, [F1 + at]]);
const HOLDABLE = [["Ctrl", [CONTROL]], ["Alt", [ALT]], ["Shift", [SHIFT]], ["Super", [SUPER], "Hold Super"]];
const STICKY = new Set([CONTROL, ALT, SHIFT, SUPER]);

export class Keypad {
  constructor(session) {
    this.session = session;
    this.held = new Set(); // sticky keys that are down until the next key
    byId("keys").replaceChildren(...ROW.map((key) => this.button(key, STICKY.has(key[1][0]))));
    byId("keys-chords").replaceChildren(...CHORDS.map((key) => this.button(key)));
    byId("keys-functions").replaceChildren(...FUNCTIONS.map((key) => this.button(key)));
    byId("keys-held").replaceChildren(...HOLDABLE.map((key) => this.button(key, true)));
  }

  button([label, keysyms, name], sticky = false) {
    const button = element("button", { type: "button", textContent: label, ariaLabel: name ?? label });
    button.dataset.keysym = keysyms.join("+");
    if (sticky) button.setAttribute("aria-pressed", "false");
    button.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus
    button.addEventListener("click", (event) => {
      if (event.detail) this.session.input.focus(); // a pointer: what is typed next belongs to the chord
      if (sticky) this.toggle(keysyms[0]);
      else this.send(keysyms);
    });
    return button;
  }

  // Presses the keys of a chord in order, and releases them in the opposite order.
  send(keysyms) {
    const { input } = this.session;
    for (const keysym of keysyms) input.send(1, keysym);
    for (const keysym of keysyms.toReversed()) input.send(0, keysym);
    this.releaseHeld();
  }

  // A key has been released: sticky keys only apply to one other key.
  released(keysym) {
    if (!STICKY.has(keysym)) this.releaseHeld();
  }

  releaseHeld() {
    for (const keysym of [...this.held]) this.toggle(keysym);
  }

  toggle(keysym) {
    const down = !this.held.has(keysym);
    if (down) this.held.add(keysym);
    else this.held.delete(keysym);
    this.session.input.send(down ? 1 : 0, keysym);
    for (const button of document.querySelectorAll(`[data-keysym="${keysym}"][aria-pressed]`)) {
      button.setAttribute("aria-pressed", String(down));
    }
  }
}
