// The keys of a recording as lines of typed text.

const PAUSE = 5000; // milliseconds without a key after which a line ends
const LINE_MAX = 200; // keys
const ENTER = new Set([0xff0d, 0xff8d]);
const NAMES = {
  0xff08: "⌫", 0xff09: "⇥", 0xff0d: "⏎", 0xff8d: "⏎", 0xff1b: "Esc", 0xffff: "Del",
  0xff50: "Home", 0xff51: "←", 0xff52: "↑", 0xff53: "→", 0xff54: "↓", 0xff55: "PgUp", 0xff56: "PgDn",
  0xff57: "End", 0xff63: "Ins", 0xff67: "Menu", 0xff61: "Print", 0xff13: "Pause",
};
const CHORDS = { 0xffe3: "Ctrl", 0xffe4: "Ctrl", 0xffe9: "Alt", 0xffea: "Alt", 0xffeb: "Super", 0xffec: "Super" };
const SILENT = new Set([0xffe1, 0xffe2, 0xffe5, 0xff7f, 0xfe03]); // Shift, locks, AltGr

// Returns { time, text } for each line of `keys`, which are [time, keysym, pressed].
export function lines(keys) {
  const found = [];
  const held = new Set();
  let line = null;
  for (const [time, keysym, pressed] of keys) {
    if (CHORDS[keysym]) {
      if (pressed) held.add(CHORDS[keysym]);
      else held.delete(CHORDS[keysym]);
      continue;
    }
    if (!pressed || SILENT.has(keysym)) continue;
    if (!line || time - line.last > PAUSE || line.count >= LINE_MAX) {
      line = { time, text: "", count: 0 };
      found.push(line);
    }
    line.text += label(keysym, held);
    line.last = time;
    line.count += 1;
    if (ENTER.has(keysym)) line = null;
  }
  return found;
}

function label(keysym, held) {
  const name = character(keysym) ?? NAMES[keysym] ?? functionKey(keysym) ?? `0x${keysym.toString(16)}`;
  if (!held.size) return name.length > 1 ? `[${name}]` : name;
  return `[${[...held, name].join("+")}]`;
}

// Returns the character of a keysym: Latin-1 as it is, others as Unicode (keysymdef.h).
function character(keysym) {
  const isLatin = (keysym >= 0x20 && keysym <= 0x7e) || (keysym >= 0xa0 && keysym <= 0xff);
  if (isLatin) return String.fromCharCode(keysym);
  if (keysym >= 0xffb0 && keysym <= 0xffb9) return String(keysym - 0xffb0); // the numeric keypad
  const point = keysym - 0x1000000;
  return point >= 0x20 && point <= 0x10ffff ? String.fromCodePoint(point) : null;
}

function functionKey(keysym) {
  return keysym >= 0xffbe && keysym <= 0xffd5 ? `F${keysym - 0xffbd}` : null;
}
