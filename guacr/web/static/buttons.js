// The buttons of a mouse that guacamole-common-js lacks: back, forward, and a wheel that turns to the
// sides. guacr ignores those that a protocol has no use for.

import Guacamole from "../vendor/guacamole-common.js";

const STEPS = { 0: 1, 1: 18, 2: 288 }; // pixels of a wheel's unit, as in guacamole-common-js
const SIDES = { 3: "back", 4: "forward" };
const BITS = {
  left: 1, middle: 2, right: 4, up: 8, down: 16, wheelLeft: 32, wheelRight: 64, back: 128, forward: 256,
};
// all of them are released with the others
for (const name of ["wheelLeft", "wheelRight", "back", "forward"]) Guacamole.Mouse.State.Buttons[name] = name;

// The mask of the buttons that are held.
export function maskOf(state) {
  return Object.entries(BITS).reduce((mask, [name, bit]) => mask | (state[name] ? bit : 0), 0);
}

// Has `mouse`, of `surface`, press these buttons, too.
export function listenToButtons(surface, mouse) {
  const on = (type, act) => surface.addEventListener(type, act, { capture: true, passive: false });
  const side = (press) => (event) => {
    const name = SIDES[event.button];
    if (!name) return;
    event.preventDefault(); // the browser would leave the page
    if (press) mouse.press(name, event);
    else mouse.release(name, event);
  };
  on("mousedown", side(true));
  on("mouseup", side(false));
  on("auxclick", (event) => SIDES[event.button] && event.preventDefault());
  let turned = 0;
  on("wheel", (event) => {
    const { deltaX, deltaY, deltaMode, shiftKey } = event;
    // with Shift, browsers turn a vertical wheel to the side, and the remote side sees Shift
    if (shiftKey || Math.abs(deltaX) <= Math.abs(deltaY)) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // guacamole-common-js would turn it up or down
    turned += deltaX * STEPS[deltaMode];
    for (; turned >= mouse.scrollThreshold; turned -= mouse.scrollThreshold) mouse.click("wheelRight");
    for (; turned <= -mouse.scrollThreshold; turned += mouse.scrollThreshold) mouse.click("wheelLeft");
  });
}
