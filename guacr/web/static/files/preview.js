// Shows a text or a picture of the remote side. Nothing in it is executed: texts are text, and only
// the formats below are decoded as pictures.

import Guacamole from "../../vendor/guacamole-common.js";
import { byId } from "../dom.js";
import { inUnits, visible, visibleText } from "./names.js";
import { RESOURCE_CLOSED, SUCCESS } from "./system.js";

const TEXT_MAX = 256 << 10; // bytes of a text that are shown
const PICTURE_MAX = 16 << 20;
const PICTURES = /\.(png|jpe?g|gif|webp|avif|bmp|ico)$/i;
const TEXTS = new RegExp(
  "\\.(txt|md|rst|log|csv|tsv|json|jsonl|xml|svg|html?|css|ya?ml|toml|ini|conf|cfg|env|properties|sh|bash|zsh|fish|bat|" +
    "cmd|ps1|py|js|mjs|ts|tsx|jsx|c|h|cc|cpp|hpp|rs|go|java|kt|swift|rb|pl|php|lua|r|sql|diff|patch|tex|srt|service)$|" +
    "^(readme|license|copying|makefile|dockerfile|authors|changelog|notes|\\.[\\w-]+rc|\\.profile|\\.gitignore)$",
  "i",
);
const MAGIC = [
  ["image/png", /^\x89PNG\r\n\x1a\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/gif", /^GIF8[79]a/],
  ["image/webp", /^RIFF[\s\S]{4}WEBP/],
  ["image/avif", /^[\s\S]{4}ftypavi[fs]/],
  ["image/bmp", /^BM/],
  ["image/x-icon", /^\0\0\x01\0/],
];

export function canPreview({ name, directory, size }) {
  if (directory) return false;
  return PICTURES.test(name) ? (size ?? 0) <= PICTURE_MAX : TEXTS.test(name);
}

export class Preview {
  constructor(signal) {
    const dialog = byId("preview-dialog");
    dialog.addEventListener("close", () => dialog.open || this.clear(), { signal });
  }

  // `download` saves the file instead.
  async show(system, path, entry, download) {
    this.clear();
    const shown = (this.shown = {}); // what arrives later for another file is not shown
    byId("preview-title").textContent = visible(entry.name);
    byId("preview-status").textContent = "Loading…";
    byId("preview-download").onclick = () => {
      byId("preview-dialog").close();
      download();
    };
    byId("preview-dialog").showModal();
    byId("preview-title").focus();
    const isPicture = PICTURES.test(entry.name);
    try {
      const { bytes, isCut } = await this.read(system, path, isPicture ? PICTURE_MAX : TEXT_MAX, shown);
      if (this.shown !== shown) return;
      if (isPicture) await this.showPicture(bytes, isCut, entry.name);
      else this.showText(bytes, isCut);
    } catch (error) {
      if (this.shown === shown) byId("preview-status").textContent = error.message;
    }
  }

  // Reads at most `limit` bytes from the beginning.
  async read(system, path, limit, shown) {
    const request = await system.open("read", [path, "0"]);
    const { stream } = request;
    const parts = [];
    let size = 0;
    const isCut = await new Promise((resolve, reject) => {
      const reader = new Guacamole.ArrayBufferReader(stream);
      const stop = () => {
        reader.ondata = reader.onend = null;
        stream.sendAck("this is enough", RESOURCE_CLOSED);
        resolve(true);
      };
      request.onbroken = (text) => reject(new Error(text));
      reader.ondata = (part) => {
        parts.push(part);
        size += part.byteLength;
        if (size > limit || this.shown !== shown) stop();
        else stream.sendAck("OK", SUCCESS);
      };
      reader.onend = () => resolve(false);
      if (this.shown === shown) stream.sendAck("OK", SUCCESS);
      else stop();
    }).finally(() => system.forget(request));
    return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()).subarray(0, limit), isCut };
  }

  showText(bytes, isCut) {
    let text;
    try {
      // a character that is cut at the end is left out
      text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes, { stream: isCut });
    } catch {
      throw new Error("This file is not a text. Download it to open it.");
    }
    if (text.includes("\0")) throw new Error("This file is not a text. Download it to open it.");
    byId("preview-text").textContent = visibleText(text);
    byId("preview-text").hidden = false;
    const empty = bytes.length ? "" : "This file is empty.";
    byId("preview-status").textContent = isCut ? `The first ${inUnits(bytes.length)} are shown.` : empty;
  }

  async showPicture(bytes, isCut, name) {
    const head = String.fromCharCode(...bytes.subarray(0, 16));
    const type = MAGIC.find(([, magic]) => magic.test(head))?.[0];
    if (isCut) throw new Error(`This picture is larger than ${inUnits(PICTURE_MAX)}. Download it to open it.`);
    if (!type) throw new Error("This file is not a picture that can be shown. Download it to open it.");
    const picture = byId("preview-picture");
    this.address = URL.createObjectURL(new Blob([bytes], { type }));
    picture.src = this.address;
    picture.alt = visible(name);
    try {
      await picture.decode();
    } catch {
      throw new Error("This picture is damaged or too large to be shown.");
    }
    picture.hidden = false;
    byId("preview-status").textContent = `${picture.naturalWidth} × ${picture.naturalHeight} pixels`;
  }

  clear() {
    this.shown = null;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
    byId("preview-picture").hidden = byId("preview-text").hidden = true;
    byId("preview-picture").removeAttribute("src");
    byId("preview-text").textContent = byId("preview-status").textContent = "";
  }
}

function encodingOf(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return "utf-8";
}
