// Plays a recording on a Guacamole display: its clock, its pace, and jumps.
//
// Instructions up to a `sync` are a frame, which is drawn when its time has come. A jump begins at the
// nearest earlier picture: a keyframe of the recording, a picture that was kept while playing, or the
// beginning.

import Guacamole from "../vendor/guacamole-common.js";
import { InstructionReader } from "./instructions.js";

const PAUSE_MIN = 3000; // milliseconds without a frame that count as a pause
const PAUSE_SHOWN = 500; // milliseconds of it that are played when pauses are skipped
const BEHIND_MAX = 2000; // milliseconds behind a session that is followed
const KEEP_EVERY = 10_000; // milliseconds between two kept pictures
const KEPT_MAX = 24;
const BATCH = 100; // frames that are drawn before the browser gets its turn
const DRAWN = new Set([
  "size", "img", "blob", "end", "copy", "rect", "cfill", "move", "shade", "dispose", "cursor", "mouse",
  "sync", "transfer", "distort", "lfill", "cstroke", "curve", "line", "arc", "start", "close", "clip",
  "pop", "push", "reset", "set", "identity", "transform",
]);

export class Playback {
  // `listener` has `shown(display)`, `moved(ms)`, `changed()`, `failed(error)` and `skipped()`, which is
  // called for instructions that cannot be carried out.
  constructor(recording, listener) {
    this.recording = recording;
    this.listener = listener;
    this.speed = 1;
    this.skipsPauses = false;
    this.follows = false; // stays at the end of a session that is still running
    this.isPlaying = false;
    this.position = 0; // milliseconds since the first frame
    this.kept = []; // pictures: { time, offset, state }
    this.jump = null; // the newest one
    this.stage = new Stage(listener.skipped, 0);
  }

  get duration() {
    return this.recording.index.duration;
  }

  play() {
    if (this.isPlaying) return;
    if (this.position >= this.duration && !this.follows) this.seek(0);
    this.isPlaying = true;
    this.listener.changed();
    this.run();
  }

  pause() {
    this.isPlaying = false;
    this.listener.changed();
  }

  // Shows the picture at a time.
  async seek(time) {
    const target = Math.min(Math.max(time, 0), this.duration);
    const jump = (this.jump = { target });
    this.move(target);
    try {
      const stage = await this.stageFor(target);
      if (await this.drawUntil(stage, target, () => this.jump === jump)) this.use(stage);
    } catch (error) {
      if (this.jump === jump) this.listener.failed(error);
    }
    if (this.jump === jump) this.jump = null;
  }

  // Draws frames as their times come.
  async run() {
    const run = (this.current = {});
    const isCurrent = () => this.isPlaying && this.current === run;
    let before = performance.now();
    while (isCurrent()) {
      const now = await nextPicture();
      const passed = (now - before) * this.speed;
      before = now;
      if (!isCurrent() || this.jump) continue;
      try {
        await this.advance(passed, isCurrent);
      } catch (error) {
        this.pause();
        this.listener.failed(error);
      }
    }
  }

  async advance(passed, isCurrent) {
    const { stage } = this;
    const next = await stage.peek(this.recording);
    if (!isCurrent() || this.jump || this.stage !== stage) return;
    if (next === null) this.ended();
    else {
      const wait = next - this.position;
      const skipped = this.skipsPauses && wait > PAUSE_MIN ? wait - PAUSE_SHOWN : 0;
      const behind = this.follows ? Math.max(this.duration - this.position - BEHIND_MAX, 0) : 0;
      const target = Math.min(this.position + Math.max(skipped + passed, behind), this.duration);
      await this.drawUntil(stage, target, () => isCurrent() && !this.jump);
      if (this.jump) return;
      this.move(target);
    }
  }

  ended() {
    if (this.follows) return; // more may come
    this.move(this.duration);
    this.pause();
  }

  move(time) {
    this.position = time;
    this.listener.moved(time);
  }

  use(stage) {
    if (stage === this.stage) return;
    this.stage = stage;
    this.listener.shown(stage.display);
  }

  // Returns a stage whose picture is at most as late as `target`.
  async stageFor(target) {
    const start = this.startFor(target);
    if (this.stage.time <= target && this.stage.time >= start.time) return this.stage;
    const stage = new Stage(this.listener.skipped, start.offset, start.time);
    if (start.state) await stage.restore(start.state);
    return stage;
  }

  startFor(target) {
    const { keyframes } = this.recording.index;
    const known = [...this.kept, ...keyframes.map(([time, offset]) => ({ time, offset }))];
    const early = known.filter(({ time }) => time <= target);
    return early.reduce((best, next) => (next.time > best.time ? next : best), { time: 0, offset: 0 });
  }

  // Draws all frames up to a time; returns whether it was not interrupted.
  async drawUntil(stage, target, isWanted) {
    for (let frames = 1; ; frames += 1) {
      const time = await stage.peek(this.recording);
      if (!isWanted()) return false;
      await this.keep(stage, time);
      if (time === null || time > target) break;
      stage.step();
      if (frames % BATCH === 0) await stage.flushed();
    }
    await stage.flushed();
    return isWanted();
  }

  // Keeps the picture now and then, for recordings without keyframes: `next` is the time of the next
  // frame.
  async keep(stage, next) {
    if (this.recording.index.keyframes.length || next === stage.time) return;
    if (this.kept.some(({ time }) => Math.abs(time - stage.time) < KEEP_EVERY)) return;
    const offset = this.offsets.get(stage.time);
    if (offset === undefined) return;
    this.kept.push({ time: stage.time, offset, state: await stage.state() });
    if (this.kept.length > KEPT_MAX) this.kept = this.kept.filter((_, place) => place % 2);
  }

  // The offsets after the last frame of some moments.
  get offsets() {
    const { points } = this.recording.index;
    if (this.points !== points) {
      this.points = points;
      this.offsetOf = new Map(points);
    }
    return this.offsetOf;
  }
}

// A display with the picture of one moment, and the frames that follow.
class Stage {
  constructor(skipped, offset, time = 0) {
    this.skipped = skipped;
    this.tunnel = { sendMessage() {}, disconnect() {} };
    this.client = new Guacamole.Client(this.tunnel);
    this.display = this.client.getDisplay();
    this.display.showCursor(false); // until the recording says where it is
    this.time = time; // of the picture, in milliseconds since the first frame
    this.offset = offset; // of the bytes that have not been read
    this.decoder = new TextDecoder();
    this.pending = []; // instructions of a frame that is incomplete
    this.frames = []; // those that follow: { time, instructions }
    this.reader = new InstructionReader((opcode, args) => this.received(opcode, args));
  }

  // Returns the time of the next frame; null if there is none yet.
  async peek(recording) {
    this.first = recording.index.start;
    while (!this.frames.length) {
      const { offset } = this;
      const bytes = await recording.read(offset);
      if (this.offset !== offset) continue; // another call has read them
      if (!bytes.length) return null;
      this.offset += bytes.length;
      this.reader.feed(this.decoder.decode(bytes, { stream: true }));
    }
    return this.frames[0].time;
  }

  received(opcode, args) {
    if (!DRAWN.has(opcode)) return;
    this.pending.push([opcode, args]);
    if (opcode !== "sync") return;
    const earliest = this.frames.at(-1)?.time ?? this.time; // clocks may have been set back
    const time = Math.max(Number(args[0]) - this.first, earliest);
    this.frames.push({ time, instructions: this.pending });
    this.pending = [];
  }

  // Draws the next frame.
  step() {
    const { time, instructions } = this.frames.shift();
    for (const [opcode, args] of instructions) this.carryOut(opcode, args);
    this.time = time;
  }

  carryOut(opcode, args) {
    try {
      this.tunnel.oninstruction(opcode, args);
    } catch {
      this.skipped();
    }
  }

  state() {
    return new Promise((resolve) => this.client.exportState(resolve));
  }

  restore(state) {
    return new Promise((resolve) => this.client.importState(state, resolve));
  }

  // Waits until everything has been drawn.
  flushed() {
    return new Promise((resolve) => this.display.flush(resolve));
  }
}

function nextPicture() {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(performance.now()), 250); // hidden pages have no pictures
    requestAnimationFrame((now) => {
      clearTimeout(timer);
      resolve(now);
    });
  });
}
