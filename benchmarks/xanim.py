#!/usr/bin/env python3
"""xanim - moving pictures on an X display, to measure remote desktops with.  Needs libX11 and numpy, Pillow.

    xanim.py MODE [--fps N] [--seconds S] [--hold S] [--patch WxH] [--noise N] [--cache DIR]

text   full-screen text, scrolled by one line (16 px) a frame
grad   full-screen gradients, 8 different pictures in turn
photo  a full-screen photograph that is panned (7,3 px a frame)
drag   a window with a photograph (--patch, 480x360) dragged in a circle over another photograph
patch  a moving picture (--patch, panned photograph with noise) in the middle of still text
still  a photograph that does not move
flip   a full-screen colour that changes with every key press (needs the keyboard focus: takes it)

After --seconds the picture stands still for --hold seconds; then the window goes.
"""

import argparse
import ctypes
import math
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

X = ctypes.CDLL("libX11.so.6")
Pointer, Id = ctypes.c_void_p, ctypes.c_ulong
for name, kind in (
    ("XOpenDisplay", Pointer),
    ("XDefaultRootWindow", Id),
    ("XCreateSimpleWindow", Id),
    ("XCreateGC", Pointer),
    ("XDefaultVisual", Pointer),
    ("XCreateImage", Pointer),
    ("XCreatePixmap", Id),
):
    getattr(X, name).restype = kind


class Attributes(ctypes.Structure):
    _fields_ = [
        ("background_pixmap", Id),
        ("background", Id),
        ("border_pixmap", Id),
        ("border", Id),
        ("bit_gravity", ctypes.c_int),
        ("win_gravity", ctypes.c_int),
        ("backing", ctypes.c_int),
        ("planes", Id),
        ("pixel", Id),
        ("under", ctypes.c_int),
        ("events", ctypes.c_long),
        ("no_propagate", ctypes.c_long),
        ("override", ctypes.c_int),
        ("colormap", Id),
        ("cursor", Id),
    ]


def photograph(seed: int, width: int, height: int, cache: Path) -> np.ndarray:
    """A made picture with a photograph's statistics: soft and sharp parts at all scales, grain.  BGRX."""
    path = cache / f"photo-{seed}-{width}x{height}.npy"
    if path.exists():
        return np.load(path)
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width, 3), np.float32)
    tint = rng.uniform(0.5, 1.3, 3)
    for octave in range(8):
        step = 2**octave
        grey = rng.normal(0, 1, (height // step + 2, width // step + 2)).astype(np.float32)
        image = np.asarray(Image.fromarray(grey).resize((width, height), Image.BICUBIC))
        out += image[..., None] * (1.1 * step**0.9) * tint
        if octave > 2:
            colour = rng.normal(0, 1, (height // step + 2, width // step + 2, 3)).astype(np.float32)
            for part in range(3):
                out[..., part] += np.asarray(
                    Image.fromarray(colour[..., part]).resize((width, height), Image.BICUBIC)
                ) * (0.4 * step**0.9)
    yy, xx = np.mgrid[0:height, 0:width]
    for _ in range(24):  # edges: discs and bars of a shade of their own
        cx, cy, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(10, height / 5)
        shape = (
            (xx - cx) ** 2 + (yy - cy) ** 2 < r * r
            if rng.random() < 0.5
            else (abs(xx - cx) < r) & (abs(yy - cy) < r / 3)
        )
        out[shape] += rng.uniform(-60, 60, 3)
    out = np.clip(out + 120, 0, 255)
    picture = np.zeros((height, width, 4), np.uint8)
    picture[..., :3] = out
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, picture)
    return picture


class Screen:
    def __init__(self) -> None:
        self.display = Pointer(X.XOpenDisplay(None))
        if not self.display:
            sys.exit("no display")
        d = self.display
        self.root = Id(X.XDefaultRootWindow(d))
        self.width, self.height = X.XDisplayWidth(d, 0), X.XDisplayHeight(d, 0)
        self.window = self.make(0, 0, self.width, self.height)
        self.gc = Pointer(X.XCreateGC(d, self.window, Id(0), None))

    def make(self, x: int, y: int, width: int, height: int, parent: Id | None = None) -> Id:
        d = self.display
        window = Id(
            X.XCreateSimpleWindow(d, parent or self.root, x, y, width, height, 0, Id(0), Id(0))
        )
        attributes = Attributes(override=1)
        X.XChangeWindowAttributes(d, window, Id(1 << 9), ctypes.byref(attributes))
        return window

    def pixmap(self, picture: np.ndarray) -> Id:
        d, (height, width) = self.display, picture.shape[:2]
        picture = np.ascontiguousarray(picture)
        pixmap = Id(X.XCreatePixmap(d, self.root, width, height, 24))
        image = Pointer(
            X.XCreateImage(
                d,
                Pointer(X.XDefaultVisual(d, 0)),
                24,
                2,
                0,
                picture.ctypes.data_as(Pointer),
                width,
                height,
                32,
                0,
            )
        )
        X.XPutImage(d, pixmap, self.gc, image, 0, 0, 0, 0, width, height)
        X.XSync(d, 0)
        return pixmap

    def background(self, window: Id, pixmap: Id) -> None:
        X.XSetWindowBackgroundPixmap(self.display, window, pixmap)
        X.XClearWindow(self.display, window)

    def show(self, window: Id) -> None:
        X.XMapRaised(self.display, window)
        X.XSync(self.display, 0)

    def copy(self, source: Id, sx: int, sy: int, width: int, height: int, x: int, y: int) -> None:
        X.XCopyArea(self.display, source, self.window, self.gc, sx, sy, width, height, x, y)

    def colour(self, value: int) -> None:
        X.XSetForeground(self.display, self.gc, Id(value))

    def fill(self, x: int, y: int, width: int, height: int) -> None:
        X.XFillRectangle(self.display, self.window, self.gc, x, y, width, height)

    def text(self, x: int, y: int, line: str) -> None:
        X.XDrawString(self.display, self.window, self.gc, x, y, line.encode(), len(line))


def words(rng: random.Random, length: int) -> str:
    out = ""
    while len(out) < length:
        out += (
            "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=rng.randint(2, 9))) + " "
        )
    return out[:length]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("text", "grad", "photo", "drag", "patch", "still", "flip"))
    parser.add_argument("--fps", type=float, default=60)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--hold", type=float, default=0)
    parser.add_argument("--patch", default="480x360")
    parser.add_argument("--noise", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "xanim")
    options = parser.parse_args()
    screen, rng = Screen(), random.Random(1)
    d, w, h = screen.display, screen.width, screen.height
    pw, ph = map(int, options.patch.split("x"))

    if options.mode == "text":
        screen.show(screen.window)
        screen.colour(0x101820)
        screen.fill(0, 0, w, h)

        def step(n: int) -> None:
            screen.copy(screen.window, 0, 16, w, h - 16, 0, 0)
            screen.colour(0x101820)
            screen.fill(0, h - 16, w, 16)
            screen.colour(0xD0D0D0)
            screen.text(2, h - 4, words(rng, w // 6))

        for n in range(h // 16):
            step(n)
    elif options.mode == "grad":
        yy, xx = np.mgrid[0:h, 0:w]
        pixmaps = []
        for k in range(8):
            picture = np.zeros((h, w, 4), np.uint8)
            picture[..., 0], picture[..., 1] = (xx + k * 40) & 255, (yy + k * 25) & 255
            picture[..., 2] = ((xx + yy) // 2 + k * 16) & 255
            pixmaps.append(screen.pixmap(picture))
        screen.show(screen.window)

        def step(n: int) -> None:
            screen.copy(pixmaps[n % 8], 0, 0, w, h, 0, 0)
    elif options.mode in ("photo", "still"):
        big = screen.pixmap(photograph(5, w + 400, h + 200, options.cache))
        screen.show(screen.window)

        def step(n: int) -> None:
            if options.mode == "photo":
                screen.copy(
                    big,
                    200 + int(199 * math.sin(n * 0.035)),
                    100 + int(99 * math.sin(n * 0.03)),
                    w,
                    h,
                    0,
                    0,
                )
            elif n == 0:
                screen.copy(big, 0, 0, w, h, 0, 0)
    elif options.mode == "drag":
        screen.background(screen.window, screen.pixmap(photograph(5, w, h, options.cache)))
        child = screen.make(0, 0, pw, ph, screen.window)
        screen.background(child, screen.pixmap(photograph(6, pw, ph, options.cache)))
        screen.show(child)
        screen.show(screen.window)

        def step(n: int) -> None:
            x = (w - pw) / 2 * (1 + math.sin(n * 0.05))
            y = (h - ph) / 2 * (1 + math.cos(n * 0.037))
            X.XMoveWindow(d, child, int(x), int(y))
    elif options.mode == "patch":
        screen.show(screen.window)
        screen.colour(0xFFFFFF)
        screen.fill(0, 0, w, h)
        screen.colour(0x000000)
        for y in range(14, h, 15):
            screen.text(4, y, words(rng, w // 6 - 1))
        big = photograph(6, pw + 200, ph + 100, options.cache)
        noise, pixmaps = np.random.default_rng(3), []
        for k in range(15):
            ox, oy = 100 + int(99 * math.sin(k * 0.42)), 50 + int(49 * math.cos(k * 0.42))
            part = big[oy : oy + ph, ox : ox + pw].astype(np.int16)
            if options.noise:
                part = part + noise.integers(
                    -options.noise, options.noise + 1, part.shape, np.int16
                )
            pixmaps.append(screen.pixmap(np.clip(part, 0, 255).astype(np.uint8)))

        def step(n: int) -> None:
            screen.copy(pixmaps[n % 15], 0, 0, pw, ph, (w - pw) // 2, (h - ph) // 2)
    else:
        X.XSelectInput(d, screen.window, ctypes.c_long(1))
        screen.show(screen.window)
        X.XSetInputFocus(d, screen.window, 1, Id(0))
        event, n, colours = (
            (ctypes.c_long * 24)(),
            0,
            (0xC03020, 0x20A040, 0x3050D0, 0xE0C020, 0x8030A0),
        )
        X.XGrabKeyboard(d, screen.window, 1, 1, 1, Id(0))
        end = time.time() + options.seconds
        while time.time() < end:
            if not X.XPending(d):
                time.sleep(0.001)
                continue
            X.XNextEvent(d, event)
            if event[0] & 0xFFFFFFFF == 2:
                n += 1
                screen.colour(colours[n % 5])
                screen.fill(0, 0, 200, 200)
                X.XSync(d, 0)
        return

    X.XSync(d, 0)
    started, n = time.time(), 0
    while time.time() - started < options.seconds:
        step(n)
        X.XSync(d, 0)
        n += 1
        time.sleep(max(0.0, started + n / options.fps - time.time()))
    print(options.mode, round(n / (time.time() - started), 2), "fps", w, h, flush=True)
    time.sleep(options.hold)


main()
