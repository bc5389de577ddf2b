// Running uploads and downloads: each has a line with its progress, and a sentence at its end.

import Guacamole from "../vendor/guacamole-common.js";
import { byId, element, sentence } from "./dom.js";
import { readText } from "./streams.js";

const BLOB = Guacamole.ArrayBufferWriter.DEFAULT_BLOB_LENGTH;
const AHEAD = 32; // unacknowledged blobs; the daemon accepts 64
const LANES = 4; // uploads at a time
const READ = 1 << 20; // bytes of a file that are read at a time
const KEPT = 50; // lines
const NAME_MAX = 200; // characters
export const ERROR_TYPE = "application/vnd.guacr.error+json";
const { SUCCESS, RESOURCE_CLOSED } = Guacamole.Status.Code;

export function inUnits(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

// Returns the error that the daemon sent instead of a file, or null.
export function refusal(stream, mimetype) {
  if (mimetype !== ERROR_TYPE) return null;
  return new Promise((done) => readText(stream, (text) => done(new Error(sentence(JSON.parse(text).message)))));
}

// The line of a transfer; `ended` is called once, with a sentence and whether it succeeded.
class Transfer {
  constructor(name, total, ended) {
    Object.assign(this, { name, total, ended, bytes: 0, start: performance.now(), done: false });
    this.bar = element("progress", total === null ? {} : { max: Math.max(total, 1), value: 0 });
    this.bar.setAttribute("aria-label", name);
    this.state = element("span", { className: "hint", textContent: "Waiting" });
    this.button = element("button", { type: "button", textContent: "Cancel" });
    this.button.setAttribute("aria-label", `Cancel ${name}`);
    this.button.addEventListener("click", () => this.cancel());
    this.line = element("li");
    this.line.append(element("span", { textContent: name }), this.button, this.bar, this.state);
    byId("transfers-section").hidden = false;
    byId("transfers").prepend(this.line);
    while (byId("transfers").childElementCount > KEPT) byId("transfers").lastElementChild.remove();
    this.stop = () => {};
  }

  advance(bytes) {
    this.bytes += bytes;
    if (this.total !== null) this.bar.value = this.bytes;
    this.state.textContent = `${inUnits(this.bytes)}${this.total === null ? "" : ` of ${inUnits(this.total)}`}`;
  }

  finish(text, failed) {
    if (this.done) return;
    this.done = true;
    this.bar.remove();
    this.button.remove();
    this.line.classList.toggle("failed", failed);
    this.state.textContent = text;
    this.ended(`${this.name}: ${text}`, !failed);
  }

  complete() {
    const rate = this.bytes / Math.max((performance.now() - this.start) / 1000, 0.001);
    this.finish(`${inUnits(this.bytes)}, ${inUnits(rate)}/s`, false);
  }

  fail(text) {
    this.finish(sentence(text), true);
    this.stop();
  }

  // Reads the daemon's reason for an incomplete file, before the file's end arrives.
  breakOff(stream) {
    this.stop = () => {};
    readText(stream, (text) => this.fail(JSON.parse(text).message));
  }

  cancel() {
    this.fail("cancelled");
  }
}

// Sanitizes a name from the remote side: no folders, no hidden files, no invisible characters and none
// that reverse the text.
function fileName(name) {
  const last = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const seen = last.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "").replace(/^[.\s]+/, "");
  return [...seen].slice(0, NAME_MAX).join("").trim() || "file";
}

// Saves a file from the remote side once it is complete.
export function download(stream, mimetype, given, ended) {
  const name = fileName(given);
  const transfer = new Transfer(name, null, ended);
  const parts = [];
  const reader = new Guacamole.ArrayBufferReader(stream);
  reader.ondata = (part) => {
    if (transfer.done) return;
    parts.push(part);
    transfer.advance(part.byteLength);
    stream.sendAck("OK", SUCCESS);
  };
  reader.onend = () => {
    if (transfer.done) return;
    save(new Blob(parts, { type: mimetype }), name);
    transfer.complete();
  };
  transfer.stop = () => stream.sendAck("the user cancelled", RESOURCE_CLOSED);
  stream.sendAck("OK", SUCCESS);
  return transfer;
}

function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Streams reserved for uploads: on a shared index, the answer to a previous stream would be mistaken
// for an answer to the upload.
export class Lanes {
  constructor(client, tunnel) {
    Object.assign(this, { client, tunnel, waiting: [] });
    this.idle = Array.from({ length: LANES }, () => client.createOutputStream());
  }

  async take() {
    return this.idle.shift() ?? new Promise((resume) => this.waiting.push(resume));
  }

  // guacamole-common-js frees the index of a refused stream.
  give(stream, refused) {
    stream.onack = null;
    const next = refused ? this.client.createOutputStream() : stream;
    const resume = this.waiting.shift();
    if (resume) resume(next);
    else this.idle.push(next);
  }
}

// Sends a file as quickly as the remote side accepts it; `open(index)` returns the instruction that
// opens its stream.
export function upload(lanes, open, file, ended) {
  const transfer = new Transfer(file.name, file.size, ended);
  send(lanes, open, file, transfer).catch((error) => transfer.fail(error.message));
  return transfer;
}

async function send(lanes, open, file, transfer) {
  const stream = await lanes.take();
  let refused = false;
  try {
    if (transfer.done) return;
    refused = !(await sendOn(stream, lanes.tunnel, open, file, transfer));
    if (!refused) lanes.tunnel.sendMessage("end", stream.index);
  } finally {
    lanes.give(stream, refused);
  }
  if (!refused) transfer.complete(); // does nothing if it was cancelled
}

// Returns whether the remote side has accepted everything that was sent.
async function sendOn(stream, tunnel, open, file, transfer) {
  const writer = new Guacamole.ArrayBufferWriter(stream);
  let acknowledged = -1; // the first acknowledgement is for the opening
  let sent = 0;
  let refused = false;
  let wake = () => {};
  transfer.stop = () => wake();
  writer.onack = (status) => {
    if (status.isError()) {
      refused = true;
      transfer.fail(status.message);
    }
    acknowledged += 1;
    wake();
  };
  const until = async (ready) => {
    while (!transfer.done && !ready()) await new Promise((resume) => (wake = resume));
  };
  tunnel.sendMessage(...open(stream.index));
  await until(() => acknowledged >= 0);
  for (let start = 0; start < file.size && !transfer.done; start += READ) {
    const data = new Uint8Array(await file.slice(start, start + READ).arrayBuffer());
    for (let at = 0; at < data.length && !transfer.done; at += BLOB) {
      await until(() => sent - acknowledged < AHEAD);
      if (transfer.done) break;
      const part = data.subarray(at, at + BLOB);
      writer.sendData(part);
      sent += 1;
      transfer.advance(part.length);
    }
  }
  await until(() => acknowledged >= sent);
  return !refused;
}
