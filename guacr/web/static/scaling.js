// The scale of a remote screen in the window.

// Scales a display, as sharp as browsers can.
export function scaleTo(display, scale) {
  display.scale(scale);
  const dots = scale * devicePixelRatio; // device pixels for each remote one
  const side = Math.max(display.getWidth(), display.getHeight());
  const isWhole = dots > 1.5 && Math.abs(dots - Math.round(dots)) * side < 0.5;
  const { classList } = display.getElement();
  classList.toggle("pixelated", isWhole);
  // without a graphics card, Chromium can leave out rows and columns of a screen with a pointer
  classList.toggle("smaller", dots < 1);
}

// Scales a display down to an element if it is larger.
export function scaleDown(display, { clientWidth, clientHeight }) {
  const [width, height] = [display.getWidth(), display.getHeight()];
  if (!width || !height || !clientWidth || !clientHeight) return;
  scaleTo(display, Math.min(clientWidth / width, clientHeight / height, 1));
}
