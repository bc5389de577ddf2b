// Text in streams. Guacamole's own StringReader and StringWriter break characters beyond U+FFFF.

import Guacamole from "../vendor/guacamole-common.js";

// `more` is called with each part, where the sender waits for acknowledgements.
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

// `refused` is called once, with the sentence of an answer that is an error.
export function writeText(stream, text, refused = () => {}) {
  const writer = new Guacamole.ArrayBufferWriter(stream);
  writer.onack = (status) => {
    if (!status.isError()) return;
    writer.onack = null;
    refused(status.message);
  };
  writer.sendData(new TextEncoder().encode(text).buffer);
  writer.sendEnd();
}
