// Reconnects after a temporary failure, with growing pauses; the person can do so at once, or stop it.

import { byId } from "./dom.js";

const PAUSES = [2, 4, 8, 15, 30, 60]; // seconds
const TRIES = 12;

export class Reconnecting {
  constructor(session, signal) {
    this.session = session;
    this.tries = 0;
    addEventListener("online", () => this.waiting && this.now(), { signal });
    byId("notice-stop").addEventListener("click", () => this.stop(), { signal });
    signal.addEventListener("abort", () => this.stop());
  }

  // A session is connected: after the next failure, the first pause is short again.
  succeeded() {
    this.stop();
    this.tries = 0;
  }

  // Returns whether there will be another attempt.
  begin() {
    if (this.tries >= TRIES) return false;
    this.left = PAUSES[Math.min(this.tries++, PAUSES.length - 1)];
    clearInterval(this.timer);
    this.waiting = true;
    this.timer = setInterval(() => this.tick(), 1000);
    byId("notice-stop").hidden = false;
    this.show();
    return true;
  }

  tick() {
    this.left -= 1;
    if (this.left > 0) this.show();
    else this.now();
  }

  show() {
    byId("notice-again").textContent = `Reconnecting in ${this.left} s…`;
  }

  now() {
    this.stop();
    this.session.connect();
  }

  stop() {
    clearInterval(this.timer);
    this.waiting = false;
    byId("notice-again").textContent = "";
    byId("notice-stop").hidden = true;
  }
}
