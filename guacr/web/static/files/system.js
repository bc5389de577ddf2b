// A file system that the remote side offers, by guacr's extension of the protocol (docs/protocol.md).

import Guacamole from "../../vendor/guacamole-common.js";
import { sentence } from "../dom.js";
import { readText } from "../streams.js";

export const DIRECTORY_TYPE = "application/vnd.guacr.directory+json";
const ANSWER_TYPE = "application/vnd.guacr.answer+json";
const ERROR_TYPE = "application/vnd.guacr.error+json";
export const { SUCCESS, RESOURCE_NOT_FOUND, RESOURCE_CONFLICT, RESOURCE_CLOSED } = Guacamole.Status.Code;

export class FileSystem {
  constructor(object, name, tunnel) {
    Object.assign(this, { object, name, tunnel, features: new Set(), requests: new Map(), last: 0 });
    object.onbody = (stream, mimetype, number) => this.answered(stream, mimetype, number);
  }

  get index() {
    return this.object.index;
  }

  can(feature) {
    return this.features.has(feature);
  }

  // Resolves with an object once the request has been carried out.
  ask(operation, ...args) {
    return this.request(operation, args);
  }

  // Resolves with the request and its `stream` once that begins. The caller acknowledges what it
  // reads, and calls `forget` at its end. `request.onbroken` is called with a sentence before the end
  // of an incomplete stream, `about` with the answer before an archive.
  open(operation, args, about = () => {}) {
    return this.request(operation, args, about);
  }

  request(operation, args, about) {
    this.last += 1;
    const number = String(this.last);
    return new Promise((resolve, reject) => {
      this.requests.set(number, { number, resolve, reject, about, stream: null, onbroken: () => {} });
      this.tunnel.sendMessage("files", this.index, number, operation, ...args);
    });
  }

  forget(request) {
    this.requests.delete(request.number);
  }

  answered(stream, mimetype, number) {
    const request = this.requests.get(number);
    if (!request) stream.sendAck("unknown request", RESOURCE_CLOSED);
    else if (mimetype === ERROR_TYPE) readText(stream, (text) => this.refused(request, JSON.parse(text)));
    else if (mimetype === ANSWER_TYPE) readText(stream, (text) => this.done(request, JSON.parse(text)));
    else request.resolve(Object.assign(request, { stream }));
  }

  done(request, answer) {
    if (request.about) return request.about(answer);
    this.forget(request);
    return request.resolve(answer);
  }

  refused(request, { message, status }) {
    this.forget(request);
    const text = sentence(message);
    if (request.stream) request.onbroken(text);
    else request.reject(Object.assign(new Error(text), { status }));
  }

  // Resolves with `entries` and `cut`.
  async list(path) {
    const request = await this.open("list", [path]);
    const { stream } = request;
    const text = await new Promise((resolve, reject) => {
      request.onbroken = (reason) => reject(new Error(reason));
      readText(stream, resolve, () => stream.sendAck("OK", SUCCESS));
      stream.sendAck("OK", SUCCESS);
    });
    this.forget(request);
    const directory = JSON.parse(text);
    this.features = new Set(directory.features);
    return directory;
  }
}
