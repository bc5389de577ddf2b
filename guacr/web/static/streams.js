// Text in streams. Guacamole's own StringReader and StringWriter break characters beyond U+FFFF.

import Guacamole from "/vendor/guacamole-common.js";

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

export function writeText(stream, text) {
  const writer = new Guacamole.ArrayBufferWriter(stream);
  writer.sendData(new TextEncoder().encode(text).buffer);
  writer.sendEnd();
}
