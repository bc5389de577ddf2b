// The remote cursor as the cursor of the browser, with the pixels of the remote screen.

const SIDE_MAX = 128; // pixels; browsers show no larger cursors

export class Cursor {
  constructor(display, surface) {
    Object.assign(this, { display, surface, picture: null });
  }

  set(canvas, x, y) {
    this.picture = { canvas, x, y };
    this.show();
  }

  // Has the scale of the screen, but is not larger than in CSS pixels or smaller than in device
  // pixels. Browsers would enlarge a picture without its resolution, and blur it.
  show() {
    if (!this.picture) return;
    const { canvas, x, y } = this.picture;
    const ratio = devicePixelRatio || 1;
    const scale = Math.min(1, Math.max(this.display.getScale(), 1 / ratio));
    const fits = Math.max(canvas.width, canvas.height) * ratio <= SIDE_MAX;
    const times = fits ? Math.max(1, Math.round(scale * ratio)) : 1;
    const url = `url(${enlarged(canvas, times).toDataURL()})`;
    const spot = `${Math.round(x * scale)} ${Math.round(y * scale)}`;
    this.surface.style.cursor = `${url} ${x} ${y}, auto`; // for browsers that ignore the next line
    if (times / scale !== 1) this.surface.style.cursor = `image-set(${url} ${times / scale}x) ${spot}, auto`;
  }
}

function enlarged(canvas, times) {
  if (times === 1) return canvas;
  const copy = document.createElement("canvas");
  copy.width = canvas.width * times;
  copy.height = canvas.height * times;
  const context = copy.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  return copy;
}
