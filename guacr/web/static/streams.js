// Text in streams. Guacamole's StringReader and StringWriter damage characters beyond U+FFFF.

import Guacamole from "../vendor/guacamole-common.js";

// `more` is called for each part, for senders that wait for acknowledgements.
export function readText(stream, done, more = () => {}) {
  const decoder = new TextDecoder();
  const reader = new Guacamole.ArrayBufferReader(stream);
  let text = "";
  reader.ondata = (part) => {
    text += decoder.decode(part, { stream: true });
    more();
  };
  reader.onend = () => done(text + decoder.decode());
}

// Reads a whole stream of bytes.
export function readBytes(stream, done) {
  const reader = new Guacamole.ArrayBufferReader(stream);
  const parts = [];
  reader.ondata = (part) => parts.push(new Uint8Array(part));
  reader.onend = async () => done(new Uint8Array(await new Blob(parts).arrayBuffer()));
}

const LANES = 16; // stream indices that are used in rotation

// Texts and small contents for the remote side. guacamole-common-js frees an index at the end of its stream, and an
// answer that arrives later is lost, or mistaken for one to the next stream. Using the indices in
// rotation delays their reuse.
export class Texts {
  constructor(client, tunnel) {
    Object.assign(this, { client, tunnel, lanes: [] });
  }

  // `refused` is called once if the answer is an error, with its sentence.
  send(opcode, args, text, refused = () => {}) {
    const stream = this.lanes.length < LANES ? this.client.createOutputStream() : this.lanes.shift();
    this.lanes.push(stream);
    const writer = new Guacamole.ArrayBufferWriter(stream);
    writer.onack = (status) => {
      if (!status.isError()) return;
      writer.onack = null;
      this.lanes = this.lanes.filter((lane) => lane !== stream); // its index has been freed
      refused(status.message);
    };
    this.tunnel.sendMessage(opcode, stream.index, ...args);
    writer.sendData(typeof text === "string" ? new TextEncoder().encode(text).buffer : text);
    this.tunnel.sendMessage("end", stream.index);
  }
}
