// Mouse, pen and touch: sends the pointer to the remote side, and shows its cursor.

import Guacamole from "../vendor/guacamole-common.js";
import { listenToButtons, maskOf } from "./buttons.js";
import { Cursor } from "./cursor.js";
import { byId } from "./dom.js";
import { Gestures } from "./gestures.js";

const CLICK_MOVE = 16; // pixels that a finger may move during a tap or a long press
const WHEEL_STEP = 53; // pixels of scrolling for one step of the wheel, as in guacamole-common-js
const MOVES = ["mousedown", "mousemove", "mouseup"];

export class Pointer {
  constructor(session, signal) {
    this.session = session;
    this.client = null;
    this.devices = []; // the mouse, the finger as a pen, and the finger on a touchpad
    this.usesTouchpad = false;
    this.sendsTouches = false; // true if the remote side accepts touches
    this.byFinger = false; // true if a finger has moved the pointer last
    this.last = null; // the last position, in pixels of the remote screen
    this.speed = 1; // of the wheel
    const screen = byId("screen");
    screen.addEventListener("pointerdown", () => {
      session.controls.close();
      if (!this.client) return;
      session.input.focus();
      setTimeout(() => session.input.focus()); // after a scroll bar has taken it
    }, { signal, capture: true });
    screen.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  attach(client) {
    this.client = client;
    const display = client.getDisplay();
    const surface = display.getElement();
    const mouse = (this.mouse = new Guacamole.Mouse(surface));
    listenToButtons(surface, mouse);
    mouse.onEach(MOVES, (event) => this.moved(event, false));
    mouse.on("mouseout", () => this.session.watches || display.showCursor(false));
    const pen = new Guacamole.Mouse.Touchscreen(surface);
    pen.clickMoveThreshold = CLICK_MOVE;
    const pad = (this.pad = new Guacamole.Mouse.Touchpad(surface));
    this.gestures = new Gestures(this, surface, pen, pad);
    pen.onEach(MOVES, (event) => this.usesTouchpad || this.sendsTouches || this.moved(event, true));
    pad.onEach(MOVES, (event) => this.usesTouchpad && this.moved(event, true));
    this.devices = [mouse, pen, pad];
    this.listenToTouches(client, surface);
    surface.addEventListener("pointerdown", (event) => keep(surface, event));
    // the focus stays with the keyboard, which would otherwise release the keys of Ctrl and a click
    surface.addEventListener("mousedown", (event) => event.preventDefault());
    this.cursor = new Cursor(display, surface);
    display.oncursor = (canvas, x, y) => {
      this.cursor.set(canvas, x, y);
      if (!this.session.watches) display.showCursor(this.byFinger);
    };
    display.showCursor(false); // those who watch see it once somebody moves it
    this.setSpeed(this.speed);
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.mouse) this.mouse.scrollThreshold = WHEEL_STEP / speed;
  }

  // Releases every button, since the remote side would not notice when they are released.
  release() {
    for (const device of this.devices) device.reset();
  }

  // A finger hides what it points at, so the cursor is drawn in the picture, too.
  moved(event, byFinger) {
    event.stopPropagation?.();
    if (this.session.watches) return;
    const display = this.client.getDisplay();
    const scale = display.getScale();
    this.last = { x: event.state.x / scale, y: event.state.y / scale };
    this.byFinger = byFinger;
    display.showCursor(byFinger);
    const x = Math.floor(this.last.x), y = Math.floor(this.last.y);
    display.moveCursor(x, y);
    // as client.sendMouseState does, which knows only five buttons
    if (this.session.connected) this.session.tunnel.sendMessage("mouse", x, y, maskOf(event.state));
    if (byFinger && this.usesTouchpad) this.session.screen.follow(event.state);
  }

  // The scale of the screen has changed: a touchpad's pointer stays at its place there, while that of
  // a mouse stays at its place in the window.
  rescale(times) {
    if (!this.pad) return;
    this.pad.currentState.x *= times;
    this.pad.currentState.y *= times;
  }

  // Sends touches once the remote side accepts them, unless they act as a touchpad.
  listenToTouches(client, surface) {
    this.sendsTouches = false;
    client.onmultitouch = (layer, count) => {
      if (layer === client.getDisplay().getDefaultLayer()) this.sendsTouches = count > 0;
    };
    const screen = new Guacamole.Touch(surface);
    const send = (state) => this.session.watches || client.sendTouchState(state, true);
    screen.onEach(["touchmove", "touchend"], ({ state }) => {
      if (this.sendsTouches && !this.usesTouchpad) send(state);
    });
    surface.addEventListener("touchcancel", ({ changedTouches }) => {
      this.release();
      for (const { identifier } of changedTouches) {
        const state = screen.touches[identifier];
        if (!state) continue;
        delete screen.touches[identifier];
        screen.activeTouches -= 1;
        send(Object.assign(state, { force: 0 }));
      }
    });
  }
}

// A drag goes on beyond the edges of the remote screen, until the button is released there.
function keep(surface, { pointerType, pointerId }) {
  if (pointerType === "mouse") surface.setPointerCapture(pointerId);
}
