// The remote side's sound: Opus where the browser decodes it, otherwise PCM, which guacamole-common-js plays.

import Guacamole from "../vendor/guacamole-common.js";

const OPUS = "audio/vnd.guacr.opus";
const MIMETYPE = /^audio\/vnd\.guacr\.opus;rate=48000,channels=([12])$/;
const RATE = 48000; // frames per second
const PACKET = 0.02; // seconds
const LEAD = 0.08; // seconds from the arrival of a sound to its beginning; packets may be late by as much
const AHEAD_MAX = 0.3; // seconds of sound that wait; what arrives beyond is left out
const WATCHED = 100; // packets after which sound that has always waited too long is shortened
const DECODING_MAX = 100; // packets

// Returns the types of sound that this browser plays, for the handshake.
export async function soundTypes() {
  const types = Guacamole.AudioPlayer.getSupportedTypes();
  return types.length && (await decodesOpus()) ? [...types, OPUS] : types;
}

// Returns a player for a stream of Opus, or null for all that guacamole-common-js plays itself.
export function playerOf(stream, mimetype) {
  const match = MIMETYPE.exec(mimetype);
  return match && new OpusPlayer(stream, Number(match[1]));
}

function configOf(channels) {
  return { codec: "opus", sampleRate: RATE, numberOfChannels: channels };
}

async function decodesOpus() {
  try {
    return (await AudioDecoder.isConfigSupported(configOf(2))).supported;
  } catch {
    return false; // an older browser, or a page without TLS
  }
}

let shared = null;

// The context of all players. Its rate is that of Opus, so that packets join without a seam. Before a
// person has used the page, browsers let it play nothing.
function audioContext() {
  if (shared) return shared;
  const context = (shared = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" }));
  const resume = () => context.state !== "running" && context.resume();
  for (const kind of ["pointerdown", "keydown", "touchend"]) addEventListener(kind, resume, { capture: true });
  return context;
}

// When packets are played. All times are in seconds on the clock of the output.
export class Schedule {
  constructor() {
    this.end = 0; // of what has been placed
    this.skipping = false;
    this.watch();
  }

  // Returns when the next `length` seconds begin, or null if they are left out.
  place(now, length) {
    if (this.end <= now) this.restart(now);
    else if (this.skips(this.end - now)) return null;
    const start = this.end;
    this.end += length;
    return start;
  }

  restart(now) {
    this.end = Math.ceil((now + LEAD) * RATE) / RATE;
    this.skipping = false;
    this.watch();
  }

  skips(ahead) {
    if (ahead > AHEAD_MAX) this.skipping = true;
    else if (ahead <= LEAD) this.skipping = false;
    return this.skipping || this.waitsTooLong(ahead);
  }

  // Networks that were slow for a moment, and clocks that run apart, leave sound late for good: one packet is
  // left out if all of the last ones could have been played earlier.
  waitsTooLong(ahead) {
    this.least = Math.min(this.least, ahead);
    this.watched += 1;
    if (this.watched < WATCHED) return false;
    const excess = this.least - LEAD;
    this.watch();
    return excess > PACKET;
  }

  watch() {
    this.least = Infinity; // seconds that sound has waited since
    this.watched = 0;
  }
}

class OpusPlayer {
  constructor(stream, channels) {
    this.channels = channels;
    this.context = audioContext();
    this.schedule = new Schedule();
    this.decoder = null;
    this.decoded = 0; // packets
    const reader = new Guacamole.ArrayBufferReader(stream);
    reader.ondata = (blob) => this.take(new DataView(blob));
    reader.onend = () => this.end();
  }

  sync() {} // guacamole-common-js calls it at each frame

  // Each packet follows its length.
  take(blob) {
    let at = 0;
    while (at + 2 < blob.byteLength) {
      const length = blob.getUint16(at);
      this.decode(new Uint8Array(blob.buffer.slice(at + 2, at + 2 + length)));
      at += 2 + length;
    }
  }

  decode(data) {
    if (this.decoder?.state !== "configured") this.begin(); // closed by an error, or unused for long
    if (this.decoder.decodeQueueSize >= DECODING_MAX) return;
    const timestamp = Math.round(this.decoded++ * PACKET * 1e6);
    this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data }));
  }

  begin() {
    this.decoder = new AudioDecoder({
      output: (sound) => {
        this.play(sound);
        sound.close();
      },
      error: (error) => console.warn(`sound: ${error.message}`),
    });
    this.decoder.configure(configOf(this.channels));
  }

  play(sound) {
    const { context } = this;
    if (context.state !== "running") return;
    const start = this.schedule.place(context.currentTime, sound.numberOfFrames / RATE);
    if (start === null) return;
    const buffer = context.createBuffer(sound.numberOfChannels, sound.numberOfFrames, RATE);
    for (let channel = 0; channel < sound.numberOfChannels; channel++) {
      sound.copyTo(buffer.getChannelData(channel), { planeIndex: channel, format: "f32-planar" });
    }
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.start(start);
  }

  async end() {
    const { decoder } = this;
    if (decoder?.state !== "configured") return;
    await decoder.flush().catch(() => {});
    if (decoder.state === "configured") decoder.close();
  }
}
