// Gestures on touch screens: one finger moves a picture that is larger than the window, and scrolls
// up or down otherwise; two fingers scroll, or enlarge the picture when they move apart. Taps, long presses and
// dragging are those of Guacamole.Mouse.Touchscreen.

import Guacamole from "../vendor/guacamole-common.js";

const SWIPE = 50; // pixels of a finger's move for one step of the wheel (three rows in a terminal)
const SLOP = 16; // pixels until a movement counts as a gesture
const { LEFT, UP, DOWN } = Guacamole.Mouse.State.Buttons;
const [LEFTWARDS, RIGHTWARDS] = ["wheelLeft", "wheelRight"]; // buttons.js

export class Gestures {
  constructor(pointer, surface, pen, pad) {
    Object.assign(this, { pointer, surface, pen, pad, screen: pointer.session.screen });
    this.padStep = pad.scrollThreshold;
    this.kind = ""; // swipe, pan, scroll or pinch; empty until the fingers show which
    this.fingers = 0;
    const on = (type, act) => surface.addEventListener(type, act, { capture: true, passive: false });
    on("touchstart", (event) => this.started(event));
    on("touchmove", (event) => this.moved(event));
    for (const type of ["touchend", "touchcancel"]) on(type, (event) => this.ended(event));
  }

  started({ touches }) {
    if (touches.length === 1) this.from = place(touches);
    this.fingers = touches.length; // a third finger ends the gesture
    if (touches.length !== 2) return;
    // the pen forgets what it holds when another finger follows
    this.pen.release(LEFT);
    this.kind = "";
    this.from = this.first = place(touches);
  }

  moved(event) {
    const { touches } = event;
    if (!this.from || touches.length !== this.fingers || this.pointer.sendsTouches) return;
    const now = place(touches);
    if (touches.length === 2) this.movedTwo(event, now);
    else if (touches.length === 1 && !this.pointer.usesTouchpad && !this.pen.currentState.left) this.movedOne(now);
  }

  movedOne(now) {
    if (!this.kind && distance(now, this.from) < SLOP) return;
    this.kind ||= this.screen.isLarger ? "pan" : "swipe";
    if (this.kind === "pan") this.pan(now);
    else this.turn(now, "y", UP, DOWN);
  }

  movedTwo(event, now) {
    if (!this.kind) {
      if (Math.abs(now.spread - this.first.spread) >= SLOP) this.kind = "pinch";
      else if (distance(now, this.first) >= SLOP) this.kind = "scroll";
    }
    if (this.kind === "pinch") {
      this.pad.scrollThreshold = Infinity; // it would scroll
      this.screen.zoomBy(now.spread / this.from.spread, this.from);
      this.pan(now);
    } else if (this.kind === "scroll" && !this.pointer.usesTouchpad) {
      this.turn(now, "y", UP, DOWN);
      this.turn(now, "x", LEFTWARDS, RIGHTWARDS);
    }
    event.preventDefault();
  }

  // A gesture ends with its last finger, so that a finger that stays behind does nothing.
  ended({ touches }) {
    this.from = null;
    if (touches.length) return;
    this.kind = "";
    this.pad.scrollThreshold = this.padStep;
  }

  pan(now) {
    this.screen.panBy(this.from.x - now.x, this.from.y - now.y);
    this.from = now;
  }

  // Turns the wheel at the place of the fingers, so that the content follows them along an axis.
  turn(now, axis, back, on) {
    while (Math.abs(now[axis] - this.from[axis]) >= SWIPE) {
      const step = now[axis] > this.from[axis] ? SWIPE : -SWIPE;
      this.from = { ...this.from, [axis]: this.from[axis] + step };
      this.pen.move(Guacamole.Position.fromClientPosition(this.surface, now.x, now.y));
      this.pen.click(step > 0 ? back : on);
    }
  }
}

// The middle of one or two fingers, and the distance between two.
function place(touches) {
  const [a, b = a] = touches;
  return {
    x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2,
    spread: Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)),
  };
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
