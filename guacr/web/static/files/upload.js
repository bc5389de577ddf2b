// Uploads: one file, or a folder with all its files.

import Guacamole from "../../vendor/guacamole-common.js";
import { Line } from "./line.js";
import { baseName, parentOf } from "./names.js";
import { RESOURCE_CLOSED, RESOURCE_CONFLICT, RESOURCE_NOT_FOUND } from "./system.js";
import { Window } from "./window.js";

const BLOB = Guacamole.ArrayBufferWriter.DEFAULT_BLOB_LENGTH;
const LANES = 4; // files at a time
const READ = 1 << 20; // bytes of a file that are read at a time
const BACK = 4 << 20; // bytes before the last acknowledged one at which an upload is resumed
const ANY_TYPE = "application/octet-stream";

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

// A file for a folder of a file system.
export class Put {
  constructor(file, path) {
    Object.assign(this, { file, path, acknowledged: 0, isStored: false });
  }

  // Returns the instruction that opens its stream.
  opening(system, stream, offset) {
    const opening = ["put", system.index, stream, this.file.type || ANY_TYPE, this.path];
    return offset ? [...opening, offset] : opening;
  }
}

// A file for the session itself.
export class Handed {
  constructor(file) {
    Object.assign(this, { file, path: file.name, isStored: false });
  }

  opening(system, stream) {
    return ["file", stream, this.file.type || ANY_TYPE, this.file.name];
  }
}

export class Upload extends Line {
  // `folders` are created before the first of `items` is sent. `find()` returns the lanes, and the
  // file system to be used now, if any.
  constructor(name, items, folders, find, ended) {
    super(name, items.reduce((size, { file }) => size + file.size, 0), ended);
    Object.assign(this, { items, folders, find, running: new Set() });
    this.send();
  }

  async send() {
    const { lanes, system } = this.find();
    Object.assign(this, { lanes, system, problems: [], canResume: Boolean(system) });
    try {
      await makeFolders(system, this.folders);
    } catch (error) {
      return this.fail(error.message);
    }
    const pending = this.items.filter((item) => !item.isStored);
    const work = async () => {
      while (pending.length && !this.isDone) await this.attempt(pending.shift());
    };
    await Promise.all(Array.from({ length: LANES }, work));
    return this.summarize();
  }

  async attempt(item) {
    try {
      const offset = item.acknowledged ? await resumable(item, this.system) : 0;
      this.advance(offset);
      await new Sending(item, offset, this).run();
      item.isStored = true;
    } catch (error) {
      if (!this.isDone) this.problems.push([baseName(item.path), error.message]);
    }
  }

  summarize() {
    if (!this.problems.length) return this.complete();
    const [[name, reason]] = this.problems;
    const one = this.items.length === 1;
    const count = `${this.problems.length} of ${this.items.length} files are missing. ${name}: `;
    return this.fail(`${one ? "" : count}${reason}`);
  }

  stop(tells) {
    for (const sending of this.running) sending.stop(tells);
  }

  resume() {
    if (!this.find().system) return;
    this.bytes = this.items.reduce((size, item) => size + (item.isStored ? item.file.size : 0), 0);
    this.begin();
    this.send();
  }
}

// Returns how much of a file need not be sent again.
async function resumable(item, system) {
  if (!system.features.size) await system.list(parentOf(item.path)); // of a new connection
  if (!system.can("resume")) return 0;
  try {
    const { size } = await system.ask("stat", item.path);
    return Math.max(Math.min(size ?? 0, item.acknowledged - BACK, item.file.size), 0);
  } catch (error) {
    if (error.status === RESOURCE_NOT_FOUND) return 0;
    throw error;
  }
}

// One file on its way.
class Sending {
  constructor(item, offset, line) {
    Object.assign(this, { item, offset, line, window: new Window(), wake: () => {}, answers: 0, blobs: 0 });
    this.error = null; // why it was refused
    this.isStopped = false;
  }

  // Resolves once the file is stored.
  async run() {
    const { lanes } = this.line;
    this.stream = await lanes.take();
    if (this.line.isDone) {
      lanes.give(this.stream, false);
      throw new Error("cancelled");
    }
    this.line.running.add(this);
    try {
      await this.transfer(lanes.tunnel);
    } finally {
      this.line.running.delete(this);
      lanes.give(this.stream, Boolean(this.error));
    }
    if (this.error) throw this.error;
    if (this.isStopped) throw new Error("cancelled");
  }

  async transfer(tunnel) {
    this.writer = new Guacamole.ArrayBufferWriter(this.stream);
    this.writer.onack = (status) => this.answered(status);
    this.item.acknowledged = this.offset;
    tunnel.sendMessage(...this.item.opening(this.line.system, this.stream.index, this.offset));
    let broken = null;
    if (await this.until(() => this.answers > 0)) broken = await this.sendAll();
    if (this.error) return;
    if (this.isStopped || broken) {
      tunnel.sendMessage("end", this.stream.index, RESOURCE_CLOSED);
      if (this.tells || broken) await this.until(() => this.error, true); // the last answer
      this.error = broken ?? this.error;
    } else {
      tunnel.sendMessage("end", this.stream.index);
      await this.until(() => this.answers > this.blobs + 1);
    }
  }

  // Returns the error if the file cannot be read.
  async sendAll() {
    const { file } = this.item;
    const read = (at) => (at < file.size ? file.slice(at, at + READ).arrayBuffer() : null);
    try {
      let next = read(this.offset);
      for (let start = this.offset; start < file.size; start += READ) {
        const data = new Uint8Array(await next);
        next = read(start + READ);
        next?.catch(() => {}); // it is awaited later
        if (data.length !== Math.min(READ, file.size - start)) throw new Error("it has become shorter");
        if (!(await this.sendPart(data))) break;
      }
    } catch {
      return new Error("This file can no longer be read. It may have been changed or removed.");
    }
    return null;
  }

  // Returns whether all of it was sent.
  async sendPart(data) {
    for (let at = 0; at < data.length; at += BLOB) {
      if (!(await this.until(() => !this.window.isFull))) return false;
      const part = data.subarray(at, at + BLOB);
      this.window.add(performance.now());
      this.writer.sendData(part);
      this.blobs += 1;
      this.line.advance(part.length);
    }
    return true;
  }

  answered(status) {
    if (status.isError()) this.error = Object.assign(new Error(status.message), { status: status.code });
    else if (this.answers > 0 && this.answers <= this.blobs) {
      this.window.acknowledged(performance.now());
      this.item.acknowledged = Math.min(this.item.acknowledged + BLOB, this.item.file.size);
    }
    this.answers += 1;
    this.wake();
  }

  // Waits for a condition; returns false if the upload has been refused or stopped before.
  async until(ready, evenIfStopped = false) {
    while (!ready()) {
      if (this.error || (this.isStopped && !evenIfStopped)) return false;
      await new Promise((resume) => (this.wake = resume));
    }
    return !this.error && (!this.isStopped || evenIfStopped);
  }

  stop(tells) {
    Object.assign(this, { isStopped: true, tells });
    this.wake();
  }
}

// Creates folders, of which some may exist.
async function makeFolders(system, paths) {
  for (const path of paths) {
    try {
      await system.ask("make-directory", path);
    } catch (error) {
      if (error.status !== RESOURCE_CONFLICT) throw error;
    }
  }
}
