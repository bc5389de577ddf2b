// Names, paths, sizes and times of files. Names come from the remote side, and may contain anything.

const SAVED_MAX = 200; // characters of a name under which a file is saved
const NAME_MAX = 255; // characters of a name that is typed
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu; // control characters, those that reverse text, …
const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function inUnits(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${UNITS[power]}`;
}

// `seconds` since 1970; times that no calendar has are not shown.
export function inWords(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : dates.format(date);
}

export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);
export const parentOf = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
export const joined = (folder, name) => `${folder === "/" ? "" : folder}/${name}`;

// Makes characters visible that would hide or reverse a part of a name.
export function visible(name) {
  return name.replace(HIDDEN, (character) => `⟨${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

// The same for a text of several lines.
export function visibleText(text) {
  return text.replace(/[^\t\r\n]+/g, visible);
}

// Returns a name under which a file can be saved: no folders, no hidden files, and no invisible
// characters.
export function savedName(name) {
  const last = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const seen = last.replace(HIDDEN, "").replace(/^[.\s]+/, "");
  return [...seen].slice(0, SAVED_MAX).join("").trim() || "file";
}

// Returns why a name that was typed cannot be used; empty if it can.
export function objection(name) {
  if (!name.trim()) return "Enter a name.";
  if (name === "." || name === "..") return "This name has a special meaning. Choose another one.";
  if (/[/\0]/.test(name)) return "A name cannot contain a slash.";
  if (name.length > NAME_MAX) return `A name can have at most ${NAME_MAX} characters.`;
  return "";
}
