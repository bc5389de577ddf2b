// The handle of the bar, which can be moved up and down from what it covers.

import { byId } from "./dom.js";

const SLOP = 6; // pixels until a press is not a click

export class Handle {
  constructor(toggle, signal) {
    this.handle = byId("bar-toggle");
    this.grip = null; // the pixels from the top of the handle to the pointer that holds it
    const on = (type, act) => this.handle.addEventListener(type, act, { signal });
    on("pointerdown", (event) => this.held(event));
    on("pointermove", (event) => this.moved(event));
    for (const type of ["pointerup", "pointercancel"]) on(type, () => (this.grip = null));
    on("click", ({ detail }) => (this.isMoved && detail) || toggle()); // `detail` is 0 for keys
  }

  held({ clientY, pointerId, button }) {
    if (button !== 0) return;
    this.grip = clientY - this.handle.offsetTop;
    this.from = clientY;
    this.isMoved = false;
    this.handle.setPointerCapture(pointerId);
  }

  moved({ clientY }) {
    if (this.grip === null) return;
    this.isMoved ||= Math.abs(clientY - this.from) > SLOP;
    if (!this.isMoved) return;
    const room = byId("session").clientHeight - this.handle.offsetHeight;
    const top = Math.min(Math.max(clientY - this.grip, 0), room);
    this.handle.style.top = `${(top / byId("session").clientHeight) * 100}%`;
  }
}
