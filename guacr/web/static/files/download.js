// Files from the remote side. They are kept in the browser until they are complete, and then saved.

import Guacamole from "../../vendor/guacamole-common.js";
import { element } from "../dom.js";
import { Line } from "./line.js";
import { baseName, savedName } from "./names.js";
import { RESOURCE_CLOSED, SUCCESS } from "./system.js";

const PART = 8 << 20; // bytes from which on parts become a Blob, which the browser may keep on a disk

class Content {
  constructor() {
    Object.assign(this, { blobs: [], parts: [], waiting: 0, size: 0 });
  }

  add(part) {
    this.parts.push(part);
    this.size += part.byteLength;
    this.waiting += part.byteLength;
    if (this.waiting >= PART) this.join();
  }

  join() {
    this.blobs.push(new Blob(this.parts));
    Object.assign(this, { parts: [], waiting: 0 });
  }

  blob(type) {
    this.join();
    return new Blob(this.blobs, { type });
  }
}

// A file that the remote side sends by itself: `read(stream)` receives it.
export class Received extends Line {
  constructor(name, total, mimetype, ended) {
    super(savedName(name), total, ended);
    Object.assign(this, { mimetype, content: new Content(), stream: null });
  }

  read(stream) {
    this.stream = stream;
    const reader = new Guacamole.ArrayBufferReader(stream);
    reader.ondata = (part) => {
      if (this.stream !== stream) return;
      this.content.add(part);
      this.advance(part.byteLength);
      stream.sendAck("OK", SUCCESS);
    };
    reader.onend = () => {
      if (this.stream !== stream) return;
      this.canResume = false;
      save(this.content.blob(this.mimetype), this.name);
      this.complete();
      this.release();
    };
    stream.sendAck("OK", SUCCESS);
  }

  stop(tells) {
    if (tells) this.stream?.sendAck("the user cancelled", RESOURCE_CLOSED);
    this.release();
  }

  // Keeps what has arrived only if it can be used.
  release() {
    this.stream = null;
    if (!this.canResume) this.content = null;
  }
}

// A file that the person has requested.
class Requested extends Received {
  async follow(system, operation, args, about) {
    try {
      const request = await system.open(operation, args, about);
      const { stream } = request;
      this.forget = () => system.forget(request);
      request.onbroken = (text) => this.stream === stream && this.lose(text);
      if (this.isDone) stream.sendAck("the user cancelled", RESOURCE_CLOSED);
      else this.read(stream);
    } catch (error) {
      this.lose(error.message);
    }
  }

  release() {
    super.release();
    this.forget?.();
  }
}

// `find(name)` returns the file system of this name, which a new connection may have instead of the
// old one.
export class Download extends Requested {
  constructor(system, path, entry, find, ended) {
    super(baseName(path), entry.size ?? null, "application/octet-stream", ended);
    Object.assign(this, { path, entry, find, systemName: system.name, canResume: true });
    this.follow(system, "read", [path, "0"]);
  }

  // Continues where it broke off, unless the file has changed.
  async resume() {
    const system = this.find(this.systemName);
    if (!system) return;
    this.begin();
    try {
      const { size, modified } = await system.ask("stat", this.path);
      if (size !== this.entry.size || modified !== this.entry.modified) this.restart({ size, modified });
      await this.follow(system, "read", [this.path, String(this.content.size)]);
    } catch (error) {
      this.lose(error.message);
    }
  }

  restart(entry) {
    Object.assign(this, { entry, content: new Content(), bytes: 0, startBytes: 0 });
    this.setTotal(entry.size ?? null);
  }
}

// Files and folders of a folder, as one archive; an empty list of names means all.
export class ArchiveDownload extends Requested {
  constructor(system, folder, names, name, ended) {
    super(`${name}.zip`, null, "application/zip", ended);
    this.follow(system, "archive", [folder, ...names], ({ size }) => this.setTotal(size));
  }
}

export function save(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
