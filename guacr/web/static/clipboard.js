// The clipboard in both directions: automatically if the browser allows it, else by hand. Its contents
// are an object with a text, HTML (both strings) and an image (a Blob) by their types.

import Guacamole from "../vendor/guacamole-common.js";
import { byId, sentence } from "./dom.js";
import { readBytes } from "./streams.js";
import { inUnits } from "./files/names.js";

const SHOWN_MAX = 1_000_000; // characters; browsers hang if a field contains many more
const TEXT = "text/plain";
const HTML = "text/html";
const IMAGE = "image/png";
const SEVERAL = "application/vnd.guacr.clipboard"; // docs/protocol.md describes it
const TERMS = "clipboard"; // the `argv` with what the session accepts
const TEXT_ONLY = { types: [TEXT], limit: Infinity, files: false };
export const CLIPBOARD_TYPES = [HTML, IMAGE]; // accepted in addition to text

export class Clipboard {
  constructor(session, signal) {
    this.session = session;
    this.terms = TEXT_ONLY;
    this.known = null; // the text that both sides have
    this.unwritten = null; // remote contents that the browser has not let us write yet
    addEventListener("focus", () => this.offer(), { signal });
    // a gesture of the person allows writing what arrived before it
    for (const gesture of ["pointerup", "keyup"]) {
      addEventListener(gesture, () => this.writeUnwritten(), { signal, capture: true });
    }
    byId("clipboard-send").addEventListener("click", () => this.sendByHand(), { signal });
  }

  attach() {
    this.terms = TEXT_ONLY;
  }

  told(name, value) {
    if (name === TERMS) this.terms = JSON.parse(value);
  }

  // The remote side has copied something.
  received(stream, mimetype) {
    const type = mimetype.split(";")[0];
    if (type !== SEVERAL && type !== TEXT && !CLIPBOARD_TYPES.includes(type)) {
      stream.sendAck("only text, HTML and PNG are accepted", Guacamole.Status.Code.CLIENT_BAD_TYPE);
      return;
    }
    readBytes(stream, (bytes) => this.take(type === SEVERAL ? unpack(bytes) : { [type]: decoded(type, bytes) }));
  }

  async take(contents) {
    this.known = contents[TEXT] ?? null;
    this.unwritten = contents;
    this.show(contents);
    await this.writeUnwritten();
  }

  show(contents) {
    const text = contents[TEXT] ?? "";
    const field = byId("clipboard-text");
    const fits = text.length <= SHOWN_MAX;
    field.value = fits ? text : "";
    field.placeholder = fits ? "" : `${text.length} characters, too many to show here.`;
    this.showImage(contents[IMAGE]);
  }

  // From here, the person can copy it where the browser does not let the page do so.
  showImage(image) {
    const shown = byId("clipboard-image");
    URL.revokeObjectURL(shown.src);
    shown.hidden = !image;
    if (image) shown.src = URL.createObjectURL(image);
    else shown.removeAttribute("src");
  }

  sendByHand() {
    const { value, placeholder } = byId("clipboard-text");
    const image = !byId("clipboard-image").hidden;
    if (value || !(placeholder || image)) this.paste({ [TEXT]: value });
  }

  async writeUnwritten() {
    const contents = this.unwritten;
    if (contents === null) return;
    try {
      await write(contents);
    } catch (error) {
      const isRefused = error.name === "NotAllowedError";
      if (navigator.clipboard ? isRefused : !writeInOldWay(contents)) return; // at the next gesture
    }
    if (this.unwritten === contents) this.unwritten = null;
  }

  // Sends what the person may have copied elsewhere to the remote side, if allowed. Images are only sent
  // when they are pasted: browsers change them, and the remote side's own would be sent back to it.
  async offer() {
    if (!this.session.connected || !navigator.clipboard?.readText) return;
    try {
      const permission = await navigator.permissions.query({ name: "clipboard-read" });
      if (permission.state !== "granted" || !document.hasFocus()) return;
      const before = this.known;
      const text = await navigator.clipboard.readText();
      if (text === "" || text === before) return;
      const html = this.accepts(HTML) ? await readHtml() : "";
      if (this.known === before) this.paste({ [TEXT]: text, [HTML]: html }); // otherwise the remote text is newer
    } catch {
      // this browser asks each time; pasting still works
    }
  }

  accepts(type) {
    return this.terms.types.includes(type);
  }

  // Returns the files in a paste event that the session accepts.
  filesOf(data) {
    return this.terms.files && !this.session.watches ? [...(data?.files ?? [])].filter((file) => !isImage(file)) : [];
  }

  // Sends what a paste event contains, and returns whether there is anything.
  async pasteFrom(data) {
    const contents = { [TEXT]: data?.getData(TEXT) ?? "", [HTML]: data?.getData(HTML) ?? "" };
    if (this.accepts(IMAGE)) contents[IMAGE] = [...(data?.files ?? [])].find(isImage);
    await this.paste(contents);
    return Boolean(contents[TEXT] || (this.accepts(HTML) && contents[HTML]) || contents[IMAGE]);
  }

  // Sends what the person pastes even if it is known or empty: the remote side may have refused it,
  // or have something else by now, which must not be pasted instead.
  async paste(contents) {
    if (!this.session.connected || this.session.watches) return;
    const text = contents[TEXT] ?? "";
    this.known = text;
    this.unwritten = null;
    this.show(contents);
    const lines = text.replace(/\r\n?/g, "\n");
    const parts = [[TEXT, new TextEncoder().encode(lines)]];
    let left = this.terms.limit - parts[0][1].length;
    for (const type of CLIPBOARD_TYPES) {
      const content = contents[type];
      if (!content || !this.accepts(type)) continue;
      const bytes = type === HTML ? new TextEncoder().encode(content) : new Uint8Array(await content.arrayBuffer());
      left -= bytes.length;
      if (left >= 0) parts.push([type, bytes]);
      else if (text === "") this.session.toast(`The clipboard is larger than the ${inUnits(this.terms.limit)} that are allowed`);
    }
    this.send(text === "" && parts.length > 1 ? parts.slice(1) : parts);
  }

  send(parts) {
    const [mimetype, data] = parts.length > 1 ? [SEVERAL, pack(parts)] : parts[0];
    this.session.texts.send("clipboard", [mimetype], data, (reason) => this.session.toast(sentence(reason)));
  }
}

// Browsers give this name to an image that was not copied as a file.
function isImage({ type, name }) {
  return type === IMAGE && name === "image.png";
}

function decoded(type, bytes) {
  return type === IMAGE ? new Blob([bytes], { type }) : new TextDecoder().decode(bytes);
}

function pack(parts) {
  const head = JSON.stringify(Object.fromEntries(parts.map(([type, bytes]) => [type, bytes.length])));
  const all = [new TextEncoder().encode(`${head}\n`), ...parts.map(([, bytes]) => bytes)];
  const packed = new Uint8Array(all.reduce((size, bytes) => size + bytes.length, 0));
  let at = 0;
  for (const bytes of all) {
    packed.set(bytes, at);
    at += bytes.length;
  }
  return packed;
}

function unpack(bytes) {
  const end = bytes.indexOf(10);
  const sizes = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  let at = end + 1;
  const contents = {};
  for (const [type, size] of Object.entries(sizes)) contents[type] = decoded(type, bytes.subarray(at, (at += size)));
  return contents;
}

async function write(contents) {
  const types = Object.keys(contents);
  if (types.length === 1 && types[0] === TEXT) {
    await navigator.clipboard.writeText(contents[TEXT]);
    return;
  }
  try {
    const blobs = types.map((type) => [type, new Blob([contents[type]], { type })]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
  } catch (error) {
    // what the browser does not accept must not cost the text
    if (error.name === "NotAllowedError" || contents[TEXT] === undefined) throw error;
    await navigator.clipboard.writeText(contents[TEXT]);
  }
}

async function readHtml() {
  const [item] = await navigator.clipboard.read();
  return item?.types.includes(HTML) ? (await item.getType(HTML)).text() : "";
}

// Without TLS, browsers only offer a clipboard through a selected field, and not for images.
function writeInOldWay(contents) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = contents[TEXT] ?? " ";
  field.className = "visually-hidden";
  field.addEventListener("copy", (event) => {
    event.preventDefault();
    for (const type of [TEXT, HTML]) if (contents[type] !== undefined) event.clipboardData.setData(type, contents[type]);
  });
  document.body.append(field);
  field.select();
  const done = (TEXT in contents || HTML in contents) && document.execCommand("copy");
  field.remove();
  before?.focus?.({ preventScroll: true });
  return done;
}
