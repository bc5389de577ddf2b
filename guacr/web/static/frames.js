// The frames of a tube: the number of a connection, a time, a length, that many bytes, a semicolon.
// Messages of the channel are parts of one stream in each direction (docs/protocol.md).

const HEADER = 16; // bytes before the payload
const OVERHEAD = HEADER + 1;
const LENGTH_MAX = 1 << 24;
const PAYLOAD_MAX = 32717; // bytes of a frame that is sent
const SEMICOLON = 0x3b;
const CLOSE = 102;
const OPEN = 101;
const NORMAL = 0;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class FrameReader {
  // `onframe` is called with a connection's number and its bytes, which are a view of the message.
  constructor(onframe) {
    this.onframe = onframe;
    this.held = null; // the beginning of a frame
  }

  // Throws if the bytes are no frames.
  feed(buffer) {
    let bytes = new Uint8Array(buffer);
    if (this.held) bytes = joined(this.held, bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const length = view.getUint32(at + 12);
      if (length > LENGTH_MAX) throw new Error("a frame is too long");
      const end = at + HEADER + length;
      if (end >= bytes.length) break;
      if (bytes[end] !== SEMICOLON) throw new Error("a frame does not end where it should");
      this.onframe(view.getUint32(at), bytes.subarray(at + HEADER, end));
      at = end + 1;
    }
    this.held = at < bytes.length ? bytes.slice(at) : null;
  }
}

export class FrameWriter {
  // `send` is called with a message, whose memory is used again afterwards.
  constructor(send) {
    this.send = send;
    this.scratch = new Uint8Array(OVERHEAD + 4096);
  }

  // Sends a text as data of a connection.
  text(number, text) {
    const room = OVERHEAD + text.length * 3; // bytes that UTF-8 may need
    if (this.scratch.length < room) this.scratch = new Uint8Array(room);
    const { written } = encoder.encodeInto(text, this.scratch.subarray(HEADER));
    if (written <= PAYLOAD_MAX) this.frame(number, this.scratch.subarray(0, OVERHEAD + written));
    else this.long(number, this.scratch.slice(HEADER, HEADER + written));
  }

  long(number, bytes) {
    for (let at = 0; at < bytes.length; at += PAYLOAD_MAX) {
      const part = bytes.subarray(at, at + PAYLOAD_MAX);
      const frame = new Uint8Array(OVERHEAD + part.length);
      frame.set(part, HEADER);
      this.frame(number, frame);
    }
  }

  open(number) {
    this.control(OPEN, number);
  }

  close(number) {
    this.control(CLOSE, number, NORMAL);
  }

  control(code, number, ...rest) {
    const frame = new Uint8Array(OVERHEAD + 6 + rest.length);
    const view = new DataView(frame.buffer, HEADER);
    view.setUint16(0, code);
    view.setUint32(2, number);
    frame.set(rest, HEADER + 6);
    this.frame(0, frame);
  }

  // Completes a frame whose payload is in its place, and sends it.
  frame(number, frame) {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    const now = Date.now();
    view.setUint32(0, number);
    view.setUint32(4, now / 2 ** 32);
    view.setUint32(8, now);
    view.setUint32(12, frame.length - OVERHEAD);
    frame[frame.length - 1] = SEMICOLON;
    this.send(frame);
  }
}

// Returns what a control message closes: `number`, and its `text`; null if it is another message.
export function closing(payload) {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  if (payload.length < 6 || view.getUint16(0) !== CLOSE) return null;
  const length = payload.length >= 9 ? view.getUint16(7) : 0;
  return { number: view.getUint32(2), text: decoder.decode(payload.subarray(9, 9 + length)) };
}

function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
