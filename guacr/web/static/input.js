// Keyboard, mouse, touch and soft keyboard: from the browser's events to the remote side.

import Guacamole from "../vendor/guacamole-common.js";
import { byId, element } from "./dom.js";

const CONTROL = 0xffe3, SHIFT = 0xffe1, ALT = 0xffe9, ALT_GR = 0xfe03;
const BACKSPACE = 0xff08, RETURN = 0xff0d, INSERT = 0xff63, LOWER_V = 0x76, UPPER_V = 0x56;
const SIGNS = { // of a US keyboard, without and with Shift
  Backquote: "`~", Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|",
  Semicolon: ";:", Quote: "'\"", Comma: ",<", Period: ".>", Slash: "/?",
};
const PASTE_WAIT = 1000; // milliseconds in which a browser that has a clipboard sends its paste event

const EXTRA_KEYS = [
  ["Esc", 0xff1b], ["Tab", 0xff09], ["Ctrl", CONTROL], ["Alt", ALT],
  ["←", 0xff51, "Left"], ["↑", 0xff52, "Up"], ["↓", 0xff54, "Down"], ["→", 0xff53, "Right"],
  ["Home", 0xff50], ["End", 0xff57], ["PgUp", 0xff55, "Page up"], ["PgDn", 0xff56, "Page down"],
];
const STICKY = new Set([CONTROL, ALT]);
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export class Input {
  static keyboard = null;

  constructor(session, signal) {
    this.session = session;
    this.client = null;
    this.sink = byId("sink");
    this.held = new Set(); // sticky extra keys that are down
    this.usesTouchpad = false;
    this.isLatin = true; // whether the layout has Latin letters, as the last letter showed
    this.listenToKeys(signal);
    this.listenToPointer(signal);
    this.listExtraKeys();
    if (matchMedia("(pointer: coarse)").matches) this.sink.inputMode = "none";
  }

  attach(client) {
    this.client = client;
    const display = client.getDisplay();
    const surface = display.getElement();
    const mouse = new Guacamole.Mouse(surface);
    mouse.onEach(["mousedown", "mousemove", "mouseup"], (event) => this.pointer(event));
    mouse.on("mouseout", () => display.showCursor(false));
    const pen = new Guacamole.Mouse.Touchscreen(surface);
    const pad = new Guacamole.Mouse.Touchpad(surface);
    const moves = ["mousedown", "mousemove", "mouseup"];
    pen.onEach(moves, (event) => this.usesTouchpad || this.touch(event));
    pad.onEach(moves, (event) => this.usesTouchpad && this.touch(event));
    display.oncursor = (canvas, x, y) => display.showCursor(!mouse.setCursor(canvas, x, y));
  }

  focus() {
    if (!document.querySelector("dialog[open]")) this.sink.focus({ preventScroll: true });
  }

  // Let go of every key, as the remote side cannot see what happens to them from here.
  release() {
    this.keyboard.reset();
    for (const keysym of [...this.held]) this.toggleSticky(keysym);
  }

  send(pressed, keysym) {
    this.client?.sendKeyEvent(pressed, keysym);
  }

  type(keysym) {
    this.send(1, keysym);
    this.send(0, keysym);
  }

  // ---- keys

  pressed(keysym) {
    if (this.asksForControls()) {
      this.release();
      this.session.controls.open();
      return false;
    }
    this.send(1, keysym);
    return false; // the browser's own use of the key is not wanted
  }

  // Ctrl, Alt and Shift, but not AltGr, which some systems report with Ctrl.
  asksForControls() {
    const { pressed } = this.keyboard;
    const one = (left, right) => pressed[left] || pressed[right];
    return one(CONTROL, 0xffe4) && one(ALT, 0xffea) && one(SHIFT, 0xffe2) && !pressed[ALT_GR];
  }

  releasedKey(keysym) {
    this.send(0, keysym);
    if (this.held.size && !STICKY.has(keysym)) {
      for (const held of [...this.held]) this.toggleSticky(held);
    }
  }

  listenToKeys(signal) {
    const { sink } = this;
    // before anything else sees it
    byId("session").addEventListener("keydown", (event) => this.latinize(event), { capture: true, signal });
    // before the keyboard sees it: what pastes must reach the browser, which then says what
    byId("screen").addEventListener("keydown", (event) => this.interceptPaste(event), { capture: true, signal });
    sink.addEventListener("paste", (event) => this.pasted(event), { signal });
    sink.addEventListener("beforeinput", (event) => this.softKey(event), { signal });
    for (const kind of ["input", "compositionend"]) {
      byId("screen").addEventListener(kind, (event) => this.inserted(event), { capture: true, signal });
    }
    sink.addEventListener("blur", () => this.release(), { signal });
    addEventListener("blur", () => this.release(), { signal });
    // listeners of Guacamole.Keyboard cannot be taken off: one keyboard for the page's life
    this.keyboard = Input.keyboard ??= new Guacamole.Keyboard(sink);
    this.keyboard.onkeydown = (keysym) => this.pressed(keysym);
    this.keyboard.onkeyup = (keysym) => this.releasedKey(keysym);
  }

  // With Ctrl, Alt or Command, a key of a layout without Latin letters counts as the one that stands
  // there on a US keyboard, as everywhere on a desktop. Only here is its place known.
  latinize(event) {
    const { key = "", code = "" } = event; // what a browser fills in has neither
    if ([...key].length !== 1) return;
    if (/[\p{L}\p{M}]/u.test(key)) this.isLatin = /\p{Script=Latin}/u.test(key);
    const foreign = !this.isLatin && (key > "~" || code.startsWith("Key"));
    const types = event.getModifierState("AltGraph") || (isMac && event.altKey);
    if (!foreign || types || !(event.ctrlKey || event.altKey || event.metaKey)) return;
    const meant = usCharacter(code, event.shiftKey);
    if (meant) Object.defineProperty(event, "key", { value: meant });
  }

  interceptPaste(event) {
    const chord = pasteChord(event);
    if (!chord) return;
    event.stopImmediatePropagation();
    this.chord = chord;
    clearTimeout(this.pasteTimer);
    this.pasteTimer = setTimeout(() => this.finishPaste(), PASTE_WAIT);
  }

  pasted(event) {
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text === "") this.session.toast("The clipboard holds no text");
    this.session.clipboard.paste(text);
    this.finishPaste();
  }

  // The remote clipboard is as it should be: now the keys that paste.
  finishPaste() {
    clearTimeout(this.pasteTimer);
    const { chord } = this;
    this.chord = null;
    if (!chord) return;
    if (!chord.fromMac) {
      this.type(chord.keysym);
      return;
    }
    // Command stands for what pastes in a terminal elsewhere
    this.keyboard.reset();
    for (const keysym of [CONTROL, SHIFT]) this.send(1, keysym);
    this.type(UPPER_V);
    for (const keysym of [SHIFT, CONTROL]) this.send(0, keysym);
  }

  // Text without keys: of an input method, an emoji panel, dictation. The order of the events differs
  // between browsers, what is in the field once nothing is being composed does not. The keyboard of
  // guacamole-common-js, which listens at the field, is not told.
  inserted(event) {
    const { sink } = this;
    if (event.target !== sink) return;
    event.stopPropagation();
    if (event.isComposing && event.type === "input") return;
    const text = sink.value.replace(/\r\n/g, "\n");
    sink.value = "";
    for (const character of text) {
      const keysym = keysymOf(character);
      this.send(1, keysym);
      this.releasedKey(keysym);
    }
  }

  // Soft keyboards send no keys for these, only what they would do to the text.
  softKey(event) {
    if (event.inputType === "deleteContentBackward") this.type(BACKSPACE);
    else if (event.inputType === "insertLineBreak") this.type(RETURN);
    else return;
    event.preventDefault();
  }

  // ---- extra keys of phones

  listExtraKeys() {
    byId("keys").replaceChildren(...EXTRA_KEYS.map(([label, keysym, name]) => {
      const button = element("button", { type: "button", textContent: label, ariaLabel: name ?? label });
      if (STICKY.has(keysym)) button.setAttribute("aria-pressed", "false");
      button.dataset.keysym = keysym;
      button.addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the focus
      button.addEventListener("click", () => this.extraKey(keysym));
      return button;
    }));
  }

  extraKey(keysym) {
    if (STICKY.has(keysym)) this.toggleSticky(keysym);
    else {
      this.send(1, keysym);
      this.releasedKey(keysym);
    }
  }

  toggleSticky(keysym) {
    const down = !this.held.has(keysym);
    if (down) this.held.add(keysym);
    else this.held.delete(keysym);
    this.send(down ? 1 : 0, keysym);
    byId("keys").querySelector(`[data-keysym="${keysym}"]`)?.setAttribute("aria-pressed", String(down));
  }

  showSoftKeyboard(shown) {
    this.sink.inputMode = shown ? "text" : "none";
    byId("keys").hidden = !shown;
    byId("session").style.setProperty("--below", shown ? "2.75rem" : "0px");
    this.sink.blur();
    this.focus();
  }

  // ---- mouse and touch

  pointer(event) {
    event.stopPropagation?.();
    this.client.getDisplay().showCursor(false);
    this.client.sendMouseState(event.state, true);
  }

  touch(event) {
    this.client.getDisplay().showCursor(true);
    this.client.sendMouseState(event.state, true);
  }

  listenToPointer(signal) {
    const screen = byId("screen");
    screen.addEventListener("pointerdown", () => {
      this.session.controls.close();
      if (this.client) setTimeout(() => this.focus());
    }, { signal, capture: true });
    screen.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }
}

function keysymOf(character) {
  const code = character.codePointAt(0);
  if (character === "\n" || character === "\r") return RETURN;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 0xff00 | code;
  return code < 0x100 ? code : 0x01000000 | code;
}

function usCharacter(code, shifted) {
  const [, letter] = /^Key([A-Z])$/.exec(code) ?? [];
  if (letter) return shifted ? letter : letter.toLowerCase();
  const [, digit] = /^Digit([0-9])$/.exec(code) ?? [];
  return digit ? (shifted ? ")!@#$%^&*(" : "0123456789")[digit] : SIGNS[code]?.[Number(shifted)];
}

function pasteChord(event) {
  const key = event.key.toLowerCase();
  if (event.altKey) return null;
  if (isMac && event.metaKey && key === "v") return { fromMac: true };
  if (event.ctrlKey && !event.metaKey && key === "v") return { keysym: event.shiftKey ? UPPER_V : LOWER_V };
  if (event.shiftKey && !event.ctrlKey && !event.metaKey && key === "insert") return { keysym: INSERT };
  return null;
}
