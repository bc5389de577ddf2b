"""The judge judged: the painter paints like a browser, and objects to what a browser would not
understand."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from guacr.testing.canvas import Canvas
from guacr.testing.wire import Splitter, WireError, write

OVER, SRC, ROUT, ATOP = 0xE, 0xC, 0x2, 0x6


def image(width: int, height: int, colour: tuple[int, ...], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    mode = "RGBA" if len(colour) == 4 else "RGB"
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.new(mode, (width, height), colour).save(buffer, kind, **options)
    return buffer.getvalue()


def img(layer: int, x: int, y: int, data: bytes, mask: int = OVER, kind: str = "png") -> bytes:
    opening = write("img", 1, mask, layer, f"image/{kind}", x, y)
    blobs = [data[i : i + 6048] for i in range(0, len(data), 6048)]
    return (
        opening + b"".join(write("blob", 1, b64encode(b).decode()) for b in blobs) + write("end", 1)
    )


def fill(layer: int, rect: tuple[int, ...], colour: tuple[int, ...], mask: int = OVER) -> bytes:
    return write("rect", layer, *rect) + write("cfill", mask, layer, *colour)


def painted(*instructions: bytes, size: tuple[int, int] = (20, 10)) -> Canvas:
    canvas = Canvas()
    canvas.feed(write("size", 0, *size) + b"".join(instructions) + write("sync", 1, 1))
    return canvas


def test_nothing_is_black() -> None:
    picture = painted().flatten()
    assert picture.shape == (10, 20, 3)
    assert not picture.any()


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_lossless_images_are_painted_exactly(kind: str) -> None:
    canvas = painted(img(0, 3, 2, image(4, 5, (1, 20, 200), kind.upper()), kind=kind))
    picture = canvas.flatten()
    assert (picture[2:7, 3:7] == (1, 20, 200)).all()
    assert picture.any(axis=2).sum() == 20


def test_jpeg_is_painted_closely() -> None:
    picture = painted(img(0, 0, 0, image(20, 10, (90, 120, 30), "JPEG"), kind="jpeg")).flatten()
    assert (abs(picture.astype(int) - (90, 120, 30)) < 4).all()


def test_images_in_many_blobs_cut_anywhere() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    data = write("size", 0, 80, 60) + img(0, 0, 0, buffer.getvalue()) + write("sync", 5)
    canvas = Canvas()
    for start in range(0, len(data), 777):
        canvas.feed(data[start : start + 777])
    assert np.array_equal(canvas.flatten(), noise)
    assert canvas.counts["blob"] == 3
    assert sum(canvas.sizes.values()) == len(data)


def test_legacy_images() -> None:
    data = b64encode(image(2, 2, (9, 8, 7))).decode()
    assert painted(write("png", OVER, 0, 1, 1, data)).flatten()[1, 1].tolist() == [9, 8, 7]


def test_the_picture_changes_at_sync() -> None:
    canvas = painted()
    canvas.feed(fill(0, (0, 0, 20, 10), (255, 0, 0, 255)))
    assert not canvas.flatten().any()
    canvas.feed(write("sync", 2, 1))
    assert (canvas.flatten() == (255, 0, 0)).all()


def test_a_path_of_several_rectangles_is_filled_once() -> None:
    canvas = painted(
        write("rect", 0, 0, 0, 4, 4),
        write("rect", 0, 2, 2, 4, 4),
        write("cfill", OVER, 0, 255, 255, 255, 128),
    )
    picture = canvas.flatten()[..., 0]
    assert set(np.unique(picture)) == {0, 128}
    assert (picture == 128).sum() == 28


def test_a_copy_within_a_layer_reads_the_picture_before_it() -> None:
    columns = [fill(0, (x, 0, 1, 10), (x * 10, 0, 0, 255)) for x in range(20)]
    canvas = painted(*columns, write("copy", 0, 0, 0, 19, 10, OVER, 0, 1, 0))
    expected = [0] + [x * 10 for x in range(19)]
    assert canvas.flatten()[5, :, 0].tolist() == expected


def test_rout_erases_and_src_erases_all_around() -> None:
    ground = fill(0, (0, 0, 20, 10), (5, 6, 7, 255))
    erased = painted(ground, fill(0, (0, 0, 10, 10), (0, 0, 0, 255), ROUT))
    assert (erased.layer(0)[:, :10, 3] == 0).all()
    assert (erased.layer(0)[:, 10:] == (5, 6, 7, 255)).all()
    replaced = painted(ground, fill(0, (0, 0, 10, 10), (1, 2, 3, 255), SRC))
    assert (replaced.layer(0)[:, :10] == (1, 2, 3, 255)).all()
    assert (replaced.layer(0)[:, 10:, 3] == 0).all()


def test_atop_keeps_to_what_is_there() -> None:
    canvas = painted(
        fill(0, (0, 0, 10, 10), (5, 6, 7, 255)), fill(0, (5, 0, 10, 10), (9, 9, 9, 255), ATOP)
    )
    assert (canvas.layer(0)[:, 5:10] == (9, 9, 9, 255)).all()
    assert (canvas.layer(0)[:, 10:, 3] == 0).all()


def test_layers_lie_by_z_then_by_age_and_are_clipped_by_their_parents() -> None:
    canvas = painted(
        write("size", 1, 8, 8) + fill(1, (0, 0, 8, 8), (255, 0, 0, 255)),
        write("size", 2, 8, 8) + fill(2, (0, 0, 8, 8), (0, 255, 0, 255)),
        write("move", 1, 0, 2, 1, 5) + write("move", 2, 1, 4, 4, 0),
        write("size", 3, 2, 2) + fill(3, (0, 0, 2, 2), (0, 0, 255, 255)),
        write("move", 3, 0, 2, 1, 1),
    )
    picture = canvas.flatten()
    assert picture[1, 2].tolist() == [255, 0, 0]
    assert picture[5, 6].tolist() == [0, 255, 0]
    assert picture[5, 10].tolist() == [0, 0, 0]
    assert picture[9, 9].tolist() == [0, 0, 0]


def test_opacity_and_disposal() -> None:
    canvas = painted(
        fill(0, (0, 0, 20, 10), (200, 200, 200, 255)),
        write("size", 1, 4, 4) + fill(1, (0, 0, 4, 4), (0, 0, 0, 255)) + write("shade", 1, 51),
    )
    assert canvas.flatten()[1, 1].tolist() == [160, 160, 160]
    canvas.feed(write("dispose", 1) + write("sync", 2))
    assert canvas.flatten()[1, 1].tolist() == [200, 200, 200]
    assert canvas.layers == [0]


def test_buffers_grow_and_are_not_seen() -> None:
    canvas = painted(
        img(-1, 3, 3, image(5, 4, (7, 7, 7))), write("copy", -1, 3, 3, 5, 4, OVER, 0, 10, 0)
    )
    assert canvas.layer(-1).shape == (7, 8, 4)
    assert canvas.flatten()[0, 10].tolist() == [7, 7, 7]
    assert canvas.flatten()[4, 4].tolist() == [0, 0, 0]


def test_a_new_size_keeps_what_fits() -> None:
    canvas = painted(fill(0, (0, 0, 20, 10), (1, 2, 3, 255)))
    canvas.feed(write("size", 0, 100, 5) + write("sync", 2))
    picture = canvas.flatten()
    assert picture.shape == (5, 100, 3)
    assert (picture[:, :20] == (1, 2, 3)).all()
    assert not picture[:, 20:].any()


def test_cursor_and_pointer() -> None:
    canvas = painted(
        write("size", -1, 3, 2) + fill(-1, (0, 0, 3, 2), (9, 9, 9, 255)),
        write("cursor", 1, 0, -1, 0, 0, 3, 2) + write("mouse", 7, 8, 1, 1234),
    )
    assert canvas.cursor.shape == (2, 3, 4)
    assert canvas.hotspot == (1, 0)
    assert canvas.pointer == (7, 8)


def test_transfer_inverts() -> None:
    canvas = painted(
        fill(0, (0, 0, 20, 10), (1, 2, 3, 255)), write("transfer", 0, 0, 0, 5, 5, 0xA, 0, 0, 0)
    )
    assert canvas.flatten()[0, 0].tolist() == [254, 253, 252]
    assert canvas.flatten()[6, 6].tolist() == [1, 2, 3]


def test_without_painting_everything_is_checked_and_counted() -> None:
    canvas = Canvas(painting=False)
    canvas.feed(write("size", 0, 9, 9) + img(0, 0, 0, b"no image") + write("sync", 1))
    assert canvas.size == (0, 0)
    assert canvas.counts["img"] == 1


BAD: dict[str, Callable[[], bytes]] = {
    "unknown layer": lambda: img(3, 0, 0, image(2, 2, (1, 1, 1))),
    "unknown source": lambda: write("copy", -4, 0, 0, 2, 2, OVER, 0, 0, 0),
    "unknown mask": lambda: fill(0, (0, 0, 1, 1), (0, 0, 0, 255), 3),
    "no path": lambda: write("cfill", OVER, 0, 1, 2, 3, 4),
    "empty rectangle": lambda: write("rect", 0, 1, 1, 0, 5),
    "fraction": lambda: write("rect", 0, 1, 1, 1.5, 5),
    "too few arguments": lambda: write("size", 0, 5),
    "unknown opcode": lambda: write("sketch", 0),
    "blob on a closed stream": lambda: write("blob", 1, "AAAA"),
    "end of a closed stream": lambda: write("end", 1),
    "stream opened twice": lambda: write("img", 1, OVER, 0, "image/png", 0, 0) * 2,
    "blob too large": lambda: (
        write("img", 1, OVER, 0, "image/png", 0, 0)
        + write("blob", 1, b64encode(bytes(6049)).decode())
    ),
    "blob not base64": lambda: write("img", 1, OVER, 0, "image/png", 0, 0) + write("blob", 1, "A"),
    "not the image it says": lambda: img(0, 0, 0, image(2, 2, (1, 1, 1), "JPEG")),
    "broken image": lambda: img(0, 0, 0, image(2, 2, (1, 1, 1))[:40]),
    "image type": lambda: img(0, 0, 0, b"", kind="bmp"),
    "dispose of layer 0": lambda: write("dispose", 0),
    "layer within itself": lambda: write("move", 1, 0, 0, 0, 0) + write("move", 1, 1, 0, 0, 0),
    "sync backwards": lambda: write("sync", 5) + write("sync", 4),
    "giant layer": lambda: write("size", 1, 20000, 5),
}


@pytest.mark.parametrize("name", BAD)
def test_the_painter_objects_to(name: str) -> None:
    canvas = Canvas()
    canvas.feed(write("size", 0, 20, 10))
    with pytest.raises(WireError):
        canvas.feed(BAD[name]() + write("sync", 9))


def test_drawing_before_size_is_refused() -> None:
    with pytest.raises(WireError, match="has no size"):
        Canvas().feed(fill(0, (0, 0, 5, 5), (1, 1, 1, 255)) + write("sync", 1))


@pytest.mark.parametrize(
    "data",
    [
        b"x.size;",
        b"4.size:",
        b"\xff",
        write("log", "a" * 8183),
        write("log", *range(127)),
        b"9000.aaa",
        b"\xd9\xa3.abc;",
    ],
)
def test_the_splitter_objects_to(data: bytes) -> None:
    with pytest.raises(WireError):
        Splitter().feed(data + b"a" * 8190)


def test_the_splitter_takes_the_longest_instructions() -> None:
    data = write("log", "ä" * 8180) + write("log", *range(126)) + write("name", "😀,;.")
    splitter = Splitter()
    received = [one for byte in data for one in splitter.feed(bytes([byte]))]
    assert [len(one.args) for one in received] == [1, 126, 1]
    assert received[2].args == ("😀,;.",)
    assert sum(one.size for one in received) == len(data)
    assert splitter.idle


def test_a_rectangle_beyond_the_layer_needs_no_memory() -> None:
    huge = 10**9
    red = (255, 0, 0, 255)
    outside = fill(0, (huge, huge, huge, huge), red)
    assert not painted(outside).flatten().any()
    everything = fill(0, (-huge, 3, 2 * huge, huge), red)
    picture = painted(outside, everything).flatten()
    assert (picture[3:] == red[:3]).all()
    assert not picture[:3].any()


@pytest.mark.parametrize("alpha", [0, 128, 255])
def test_a_picture_stays_as_it_is_when_more_is_painted(alpha: int) -> None:
    canvas = painted(fill(0, (0, 0, 20, 10), (10, 20, 30, alpha)))
    picture = canvas.composed()
    before = picture.copy()
    canvas.feed(fill(0, (0, 0, 20, 10), (200, 100, 50, 255)) + write("sync", 2))
    assert np.array_equal(picture, before)
    picture[:] = 1
    assert (canvas.flatten() == (200, 100, 50)).all()
