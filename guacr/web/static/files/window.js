// How much of an upload may be unacknowledged: as much as fills the link, without a queue in which
// keys would wait. The daemon does the same for downloads (guacr/session/streams/window.py).

const SIZE_MIN = 2;
const SIZE_MAX = 256; // blobs: 30 MB/s at a round trip of 50 ms
const QUEUE_DELAY = 100; // milliseconds by which acknowledgements may be late
const STUCK = 16; // late acknowledgements of the smallest window after which the link has become longer

export class Window {
  constructor() {
    this.size = SIZE_MIN;
    this.sent = []; // times
    this.first = 0; // of those that are unacknowledged
    this.shortest = Infinity;
    this.atLeast = [];
  }

  get isFull() {
    return this.sent.length - this.first >= this.size;
  }

  add(now) {
    this.sent.push(now);
  }

  acknowledged(now) {
    if (this.first === this.sent.length) return;
    const elapsed = now - this.sent[this.first];
    this.first += 1;
    if (this.first > SIZE_MAX) {
      this.sent = this.sent.slice(this.first);
      this.first = 0;
    }
    this.shortest = Math.min(this.shortest, elapsed);
    const late = this.lateness(elapsed);
    if (late < QUEUE_DELAY / 2) this.size = Math.min(this.size + 1, SIZE_MAX);
    else if (late > QUEUE_DELAY) this.size = Math.max(this.size - 1, SIZE_MIN);
  }

  // What stays late with the smallest window does not wait in a queue of ours.
  lateness(elapsed) {
    const late = elapsed - this.shortest;
    if (late <= QUEUE_DELAY || this.size > SIZE_MIN) this.atLeast = [];
    else this.atLeast.push(elapsed);
    if (this.atLeast.length < STUCK) return late;
    this.shortest = Math.min(...this.atLeast);
    this.atLeast = [];
    return elapsed - this.shortest;
  }
}
