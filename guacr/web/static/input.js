// Keyboard and soft keyboard: sends the browser's keys to the remote side.

import Guacamole from "../vendor/guacamole-common.js";
import { byId } from "./dom.js";

const CONTROL = 0xffe3, SHIFT = 0xffe1, ALT = 0xffe9, ALT_GR = 0xfe03;
const BACKSPACE = 0xff08, RETURN = 0xff0d, INSERT = 0xff63, LOWER_V = 0x76, UPPER_V = 0x56;
const SIGNS = { // on a US keyboard, without and with Shift
  Backquote: "`~", Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|",
  Semicolon: ";:", Quote: "'\"", Comma: ",<", Period: ".>", Slash: "/?",
};
const PASTE_LATE = 5000; // milliseconds after which files are no longer pasted by themselves
const PASTE_WAIT = 1000; // milliseconds within which a browser sends its paste event
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export class Input {
  static keyboard = null;

  constructor(session, signal) {
    this.session = session;
    this.client = null;
    this.sink = byId("sink");
    this.softKeyboard = false; // true if it is shown
    this.isLatin = true; // true if the layout has Latin letters, judging by the last letter
    this.listenToKeys(signal);
    if (matchMedia("(pointer: coarse)").matches) this.sink.inputMode = "none";
  }

  attach(client) {
    this.client = client;
  }

  focus() {
    if (!document.querySelector("dialog[open]")) this.sink.focus({ preventScroll: true });
  }

  // Releases every key, since the remote side would not notice when they are released.
  release() {
    this.keyboard.reset();
    this.session.keypad.releaseHeld();
  }

  send(pressed, keysym) {
    if (!this.session.watches) this.client?.sendKeyEvent(pressed, keysym);
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
    return this.session.watches; // false prevents the browser's default action
  }

  // Ctrl, Alt and Shift, but not AltGr, which some systems report with Ctrl.
  asksForControls() {
    const { pressed } = this.keyboard;
    const one = (left, right) => pressed[left] || pressed[right];
    return one(CONTROL, 0xffe4) && one(ALT, 0xffea) && one(SHIFT, 0xffe2) && !pressed[ALT_GR];
  }

  releasedKey(keysym) {
    this.send(0, keysym);
    this.session.keypad.released(keysym);
  }

  listenToKeys(signal) {
    const { sink } = this;
    // before any other handler
    byId("session").addEventListener("keydown", (event) => this.latinize(event), { capture: true, signal });
    byId("screen").addEventListener("keydown", (event) => this.typeWhole(event), { capture: true, signal });
    // before the keyboard: the browser must handle the keys that paste, and provides the text
    byId("screen").addEventListener("keydown", (event) => this.interceptPaste(event), { capture: true, signal });
    sink.addEventListener("paste", (event) => this.pasted(event), { signal });
    sink.addEventListener("beforeinput", (event) => this.softKey(event), { signal });
    for (const kind of ["input", "compositionend"]) {
      byId("screen").addEventListener(kind, (event) => this.inserted(event), { capture: true, signal });
    }
    sink.addEventListener("blur", () => this.release(), { signal });
    addEventListener("blur", () => this.session.release(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.session.release(), { signal });
    // listeners of Guacamole.Keyboard cannot be removed: the page uses a single keyboard
    this.keyboard = Input.keyboard ??= new Guacamole.Keyboard(sink);
    this.keyboard.onkeydown = (keysym) => this.pressed(keysym);
    this.keyboard.onkeyup = (keysym) => this.releasedKey(keysym);
  }

  // With Ctrl, Alt or Command, a key of a layout without Latin letters counts as the key in the same
  // position on a US keyboard, as on desktops. Its position is known only here.
  latinize(event) {
    const { key = "", code = "" } = event; // autofill events have neither
    if ([...key].length !== 1) return;
    if (/[\p{L}\p{M}]/u.test(key)) this.isLatin = /\p{Script=Latin}/u.test(key);
    const foreign = !this.isLatin && (key > "~" || code.startsWith("Key"));
    const types = event.getModifierState("AltGraph") || (isMac && event.altKey);
    if (!foreign || types || !(event.ctrlKey || event.altKey || event.metaKey)) return;
    const meant = usCharacter(code, event.shiftKey);
    if (meant) Object.defineProperty(event, "key", { value: meant });
  }

  // Of a character beyond U+FFFF, guacamole-common-js sends a half.
  typeWhole(event) {
    const { key = "" } = event;
    if (key.length !== 2 || [...key].length !== 1) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.type(keysymOf(key));
  }

  interceptPaste(event) {
    const chord = pasteChord(event);
    if (!chord) return;
    event.stopImmediatePropagation();
    this.chord = chord;
    clearTimeout(this.pasteTimer);
    this.pasteTimer = setTimeout(() => this.finishPaste(), PASTE_WAIT);
  }

  async pasted(event) {
    event.preventDefault();
    clearTimeout(this.pasteTimer);
    const { clipboard } = this.session;
    const files = clipboard.filesOf(event.clipboardData);
    if (files.length) {
      if (!(await this.session.files.paste(files, PASTE_LATE))) this.chord = null;
    } else if (!(await clipboard.pasteFrom(event.clipboardData))) {
      this.session.toast("The clipboard contains nothing that can be pasted here");
    }
    this.finishPaste();
  }

  // Sends the keys that paste, after the remote clipboard has been updated.
  finishPaste() {
    clearTimeout(this.pasteTimer);
    const { chord } = this;
    this.chord = null;
    if (!chord) return;
    if (!chord.fromMac) {
      this.type(chord.keysym);
      return;
    }
    // Command+V is sent as the chord that pastes there
    this.keyboard.reset();
    this.session.keypad.send(this.session.isTerminal ? [CONTROL, SHIFT, UPPER_V] : [CONTROL, LOWER_V]);
  }

  // Text without keys, from an input method, an emoji panel or dictation. The order of the events
  // differs between browsers, but not the content of the field when composition ends. The keyboard of
  // guacamole-common-js, which listens on the field, does not receive these events.
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

  // Soft keyboards send no keys for these, only the changes of the text.
  softKey(event) {
    if (event.inputType === "deleteContentBackward") this.type(BACKSPACE);
    else if (event.inputType === "insertLineBreak") this.type(RETURN);
    else return;
    event.preventDefault();
  }

  // ---- the soft keyboard of phones

  showSoftKeyboard(shown) {
    this.softKeyboard = shown;
    this.sink.inputMode = shown ? "text" : "none";
    byId("keys").hidden = !shown;
    byId("session").style.setProperty("--below", shown ? "2.75rem" : "0px");
    this.sink.blur();
    this.focus();
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
