// Instructions of the Guacamole protocol as a stream of text, whose lengths count code points.
// guacamole-common-js counts UTF-16 code units.

const PREFIX_MAX = 6; // characters of a length, with its dot
const SURROGATES = /[\ud800-\udfff]/;

export class InstructionReader {
  // `oninstruction` is called with the opcode and the arguments of each instruction.
  constructor(oninstruction) {
    this.oninstruction = oninstruction;
    this.held = ""; // the beginning of an element
    this.elements = [];
  }

  // Throws if the text is not the protocol.
  feed(received) {
    const text = this.held + received;
    const isWide = SURROGATES.test(text);
    let at = 0;
    for (;;) {
      const dot = text.indexOf(".", at);
      if (dot < 0 || dot - at >= PREFIX_MAX) {
        if (text.length - at >= PREFIX_MAX) throw new Error("a length is missing");
        break;
      }
      const length = Number(text.slice(at, dot));
      if (!(length >= 0)) throw new Error("a length is not a number");
      const end = isWide ? afterPoints(text, dot + 1, length) : dot + 1 + length;
      if (end >= text.length) break;
      this.elements.push(text.slice(dot + 1, end));
      const mark = text[end];
      at = end + 1;
      if (mark === ";") this.complete();
      else if (mark !== ",") throw new Error("an element does not end where it should");
    }
    this.held = text.slice(at);
  }

  complete() {
    const [opcode, ...args] = this.elements;
    this.elements = [];
    this.oninstruction(opcode, args);
  }
}

// Returns the text of an instruction.
export function instruction(elements) {
  return elements.map((value) => element(String(value))).join(",") + ";";
}

function element(text) {
  return `${SURROGATES.test(text) ? [...text].length : text.length}.${text}`;
}

// Returns the index after `count` code points; beyond the text if it has fewer.
function afterPoints(text, start, count) {
  let at = start;
  for (let left = count; left > 0; left -= 1) {
    if (at >= text.length) return Infinity;
    at += text.codePointAt(at) > 0xffff ? 2 : 1;
  }
  return at;
}
