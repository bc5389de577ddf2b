"""Pictures that arrive encoded: sent as they came where that is right, and never unchecked."""

import io
import random
import zlib
from base64 import b64decode
from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from guacr.budget import Budget
from guacr.display.display import Display
from guacr.display.encoded import FILES_MAX, SIDE_MAX, EncodedImage
from guacr.display.encoder import JPEG, PNG, QUALITY_MOVING, Encoding
from guacr.display.framebuffer import SMALLER_AREA_MAX, FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.jpeg import SCANS_MAX
from guacr.display.pixels import Array8
from guacr.display.png import rgb_png, rgba_png
from guacr.errors import UnsupportedError, UpstreamError
from guacr.protocol.instruction import encode
from guacr.testing.canvas import Canvas
from guacr.testing.wire import Splitter
from tests.support.ssim import ssim

AUTO = Encoding(accepted=frozenset({PNG, JPEG}))


def photo(width: int, height: int, seed: int = 1) -> Array8:
    chance = np.random.default_rng(seed)
    ground = np.add.outer(np.arange(height) * 1.5, np.arange(width))[..., None]
    pixels: Array8 = (ground + chance.integers(0, 30, (height, width, 4))).astype(np.uint8)
    return pixels


def jpeg(width: int, height: int, seed: int = 1) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(photo(width, height, seed), 80, "BGRX")
    return data


def image(width: int, height: int, seed: int = 1) -> EncodedImage:
    return EncodedImage.decode(JPEG, jpeg(width, height, seed), width, height)


def files(data: bytes) -> list[tuple[str, str, bytes]]:
    """Place, mimetype and contents of the images in a frame."""
    found: dict[str, tuple[str, str, bytes]] = {}
    for received in Splitter().feed(data):
        if received.opcode == "img":
            index, _, _, mimetype, x, y = received.args
            found[index] = (f"{x},{y}", mimetype, b"")
        elif received.opcode == "blob":
            index, encoded = received.args
            place, mimetype, before = found[index]
            found[index] = (place, mimetype, before + b64decode(encoded))
    return list(found.values())


class Screen:
    """A framebuffer, and a viewer of it that has its first picture."""

    def __init__(self, width: int = 400, height: int = 300, memory: Budget | None = None) -> None:
        self.display, self.surface = Display(), FrameBuffer(width, height, memory)
        self.layer = self.display.set_surface(self.surface)
        self.canvas = Canvas()
        self.time = 0.0
        self.frame()

    def frame(self, encoding: Encoding = AUTO) -> list[tuple[str, str, bytes]]:
        self.time += 1.0
        plan = self.display.plan(self.time)
        data = b"" if plan is None else plan.encode(encoding)
        self.canvas.feed(data + encode("sync", int(self.time), 1))
        return files(data)

    def is_seen(self) -> bool:
        return bool((self.canvas.flatten() == self.surface.array[..., 2::-1]).all())


# ---- sent as it came


def test_a_file_goes_out_as_it_came() -> None:
    screen = Screen()
    screen.surface.draw_encoded(30, 40, image(200, 150))
    assert screen.frame() == [("30,40", JPEG, jpeg(200, 150))]
    assert screen.is_seen()
    assert not screen.layer.lossy, "there is nothing better to send later"
    screen.surface.draw_encoded(30, 40, image(200, 150))
    assert screen.frame() == [], "it is there already"


def test_a_png_goes_out_as_it_came() -> None:
    screen, data = Screen(), rgb_png(photo(90, 80))
    screen.surface.draw_encoded(0, 0, EncodedImage.decode(PNG, data, 90, 80))
    assert screen.frame() == [("0,0", PNG, data)]
    assert screen.is_seen()


def test_beside_other_drawing_and_as_tiles() -> None:
    screen = Screen()
    places = [(0, 0), (128, 0), (0, 128), (128, 128)]
    for number, (x, y) in enumerate(places):
        screen.surface.draw_encoded(x, y, image(128, 128, number))
    screen.surface.fill(Rect(300, 200, 9, 9), (1, 2, 3))
    files = {(f"{x},{y}", JPEG, jpeg(128, 128, i)) for i, (x, y) in enumerate(places)}
    assert files < set(screen.frame())
    assert screen.is_seen()


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding(accepted=frozenset({PNG})),
        Encoding(format="png"),
        Encoding(quality=30),
        Encoding(lag=0.5),
    ],
)
def test_pixels_are_sent_where_the_file_does_not_fit(encoding: Encoding) -> None:
    screen = Screen()
    screen.surface.draw_encoded(0, 0, image(200, 150))
    assert jpeg(200, 150) not in [data for _, _, data in screen.frame(encoding)]
    assert screen.surface.array[:150, :200].any()
    screen.frame(Encoding(format="png"))


def grainy(width: int, height: int, seed: int, quality: int = 80) -> EncodedImage:
    """A file of a picture whose grain hides losses."""
    ground = np.add.outer(np.arange(height) / 8, np.arange(width) / 16)[..., None]
    grain = np.random.default_rng(seed).normal(60, 6, (height, width, 1))
    pixels = np.repeat((ground + grain).clip(0, 255).astype(np.uint8), 4, axis=2)
    data = simplejpeg.encode_jpeg(pixels, quality, "BGRX", "422")
    return EncodedImage.decode(JPEG, data, width, height)


class Film:
    """What a screen is sent of pictures that move, ten per second."""

    def __init__(self) -> None:
        self.screen = Screen(640, 480)

    def show(
        self, pictures: Iterable[EncodedImage], encoding: Encoding = AUTO
    ) -> list[list[tuple[str, str, bytes]]]:
        screen, frames = self.screen, []
        for picture in pictures:
            screen.surface.draw_encoded(64, 64, picture)
            screen.time -= 0.9
            frames.append(screen.frame(encoding))
        return frames


def test_a_large_file_is_replaced_while_the_picture_moves() -> None:
    film, pictures = Film(), [grainy(320, 240, seed) for seed in range(8)]
    frames = film.show(pictures)
    came = [[("64,64", JPEG, picture.data)] for picture in pictures]
    assert frames[0] == came[0], "it may be the only one"
    for frame, (host,) in zip(frames[4:], came[4:], strict=True):
        ((place, mimetype, data),) = frame
        assert (place, mimetype) == host[:2]
        assert len(data) < 0.7 * len(host[2])
    likeness = ssim(film.screen.canvas.flatten(), film.screen.surface.array[..., 2::-1])
    assert likeness > 0.9
    screen = film.screen
    assert screen.layer.lossy
    for _ in range(3):
        screen.display.refine(screen.time + 1.0, 0.3)
        screen.frame()
    assert screen.is_seen(), "all of it is sent without further losses once it rests"
    screen.surface.draw_encoded(64, 64, pictures[0])
    assert screen.frame() == came[0], "it does not move any more"


def test_what_shows_losses_or_is_small_enough_is_not_replaced() -> None:
    soft = [image_of(np.full((240, 320, 4), 20 + 20 * n)) for n in range(8)]
    lines = np.random.default_rng(1).random((240, 320)) < 0.1
    text = [image_of(np.where(np.roll(lines, n), 0, 255)[..., None].repeat(4, 2)) for n in range(8)]
    coarse = [grainy(320, 240, seed, quality=30) for seed in range(8)]
    for pictures in (soft, text, coarse):
        assert Film().show(pictures) == [[("64,64", JPEG, one.data)] for one in pictures]


def image_of(pixels: Array8) -> EncodedImage:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels, np.uint8), 80, "BGRX")
    return EncodedImage.decode(JPEG, data, pixels.shape[1], pixels.shape[0])


def test_files_of_a_chosen_quality_or_format_are_kept() -> None:
    film, pictures = Film(), [grainy(320, 240, seed) for seed in range(8)]
    film.screen.surface.keeps_files = True
    assert film.show(pictures) == [[("64,64", JPEG, picture.data)] for picture in pictures]
    arrays = [picture.array for picture in pictures]
    exact = [EncodedImage.decode(PNG, rgb_png(array), 320, 240) for array in arrays]
    frames = Film().show(exact, Encoding(format="png", accepted=frozenset({PNG, JPEG})))
    assert frames == [[("64,64", PNG, picture.data)] for picture in exact]


def test_files_are_kept_in_a_hurry() -> None:
    pictures = [grainy(320, 240, seed) for seed in range(8)]
    frames = Film().show(pictures, Encoding(hurried=True))
    assert frames == [[("64,64", JPEG, picture.data)] for picture in pictures]


@pytest.mark.parametrize("rows", [1024, 1040])
def test_files_of_a_whole_screen_are_kept(rows: int) -> None:
    screen = Screen(1024, rows)
    for seed in range(5):
        top, rest = grainy(1024, 720, seed), grainy(1024, rows - 720, seed)
        screen.surface.draw_encoded(0, 0, top)
        screen.surface.draw_encoded(0, 720, rest)
        screen.time -= 0.9
        sent = {data for _, _, data in screen.frame()}
    assert (sent == {top.data, rest.data}) is (1024 * rows > SMALLER_AREA_MAX)
    assert len(sent) == 2


def test_a_very_precise_file_of_a_soft_picture_becomes_one_of_good_quality() -> None:
    rows = np.add.outer(np.arange(240), np.arange(320))[..., None]
    film = Film()
    chance = np.random.default_rng(1)

    def picture(step: int) -> EncodedImage:
        pixels = (rows / 3 + step + chance.random((240, 320, 4)) * 3).astype(np.uint8)
        data = simplejpeg.encode_jpeg(pixels, 100, "BGRX")
        return EncodedImage.decode(JPEG, data, 320, 240)

    pictures = [picture(step) for step in range(6)]
    ((_, _, data),) = film.show(pictures)[-1]
    pixels = pictures[-1].array
    assert data == simplejpeg.encode_jpeg(pixels, QUALITY_MOVING, "BGRX", "420", fastdct=True)


def draw_over(surface: FrameBuffer) -> None:
    surface.fill(Rect(229, 189, 50, 50), (9, 9, 9))


def copy_over(surface: FrameBuffer) -> None:
    surface.copy_rect(Rect(300, 0, 50, 50), 0, 0)
    surface.copy_rect(Rect(300, 0, 50, 50), 100, 100)


def write_over(surface: FrameBuffer) -> None:
    surface.array[50, 50] = 0
    surface.touch(Rect(50, 50, 1, 1))


def grow(surface: FrameBuffer) -> None:
    surface.resize(500, 400)


@pytest.mark.parametrize("change", [draw_over, copy_over, write_over, grow])
def test_a_file_that_is_drawn_over_is_not_sent(change) -> None:  # type: ignore[no-untyped-def]
    screen = Screen()
    screen.surface.draw_encoded(30, 40, image(200, 150))
    change(screen.surface)
    assert jpeg(200, 150) not in [data for _, _, data in screen.frame(Encoding(format="auto"))]
    screen.display.refine(screen.time + 9, 0.3)
    for _ in range(9):
        screen.display.refine(screen.time + 9, 0.3)
        screen.frame()
    assert screen.is_seen()


def test_a_file_that_is_copied_stays_where_it_was_drawn() -> None:
    screen = Screen()
    screen.surface.draw_encoded(0, 0, image(128, 128))
    screen.surface.copy_rect(Rect(0, 0, 128, 128), 200, 100)
    assert ("0,0", JPEG, jpeg(128, 128)) in screen.frame(Encoding())
    for _ in range(9):
        screen.display.refine(screen.time + 9, 0.3)
        screen.frame()
    assert screen.is_seen()


def test_a_file_that_is_partly_outside_is_pixels() -> None:
    screen = Screen()
    screen.surface.draw_encoded(300, 200, image(200, 150))
    screen.frame(Encoding(format="png"))
    assert screen.is_seen()


def test_a_late_frame_has_what_was_there_when_it_was_planned() -> None:
    screen = Screen()
    screen.surface.draw_encoded(0, 0, image(200, 150))
    plan = screen.display.plan(5.0)
    assert plan is not None
    plan.detach()
    screen.surface.fill(Rect(0, 0, 400, 300), (1, 1, 1))
    assert files(plan.encode(AUTO)) == [("0,0", JPEG, jpeg(200, 150))]
    screen.frame()
    assert screen.is_seen()


@pytest.mark.parametrize("seed", range(6))
def test_a_viewer_sees_the_surface_whatever_is_drawn(seed: int) -> None:
    chance, screen = random.Random(seed), Screen(300, 200)
    exact = Encoding(format="png")
    for _ in range(25):
        for _ in range(chance.randint(0, 5)):
            x, y = chance.randint(-20, 250), chance.randint(-20, 180)
            match chance.randrange(4):
                case 0:
                    screen.surface.fill(Rect(x, y, 60, 50), (chance.randrange(256), 3, 4))
                case 1:
                    screen.surface.copy_rect(Rect(x, y, 90, 70), y, x)
                case _:
                    data = rgb_png(photo(70, 60, chance.randrange(99)))
                    screen.surface.draw_encoded(x, y, EncodedImage.decode(PNG, data, 70, 60))
        screen.frame(exact)
        assert screen.is_seen()


# ---- bounds


def test_files_that_wait_are_bounded() -> None:
    memory = Budget(1 << 24, "session.max_memory")
    screen = Screen(1024, 1024, memory)
    before = memory.used
    for number in range(FILES_MAX + 20):
        y, x = divmod(number, 14)
        screen.surface.draw_encoded(x * 70, y * 70, image(64, 64, number))
    assert before < memory.used <= before + (FILES_MAX + 20) * len(jpeg(64, 64)) * 2
    damage = screen.surface.take_damage()
    assert not any(a.intersection(b) for a, b in combinations(damage.rects, 2))
    files = [screen.surface.pixels(rect) for rect in damage.rects]
    assert sum(pixels.has_file(AUTO) for pixels in files) == FILES_MAX
    screen.surface.fill(Rect(0, 0, 1, 1), (0, 0, 0))
    assert memory.used == before, "a frame has them"
    del files, screen
    assert memory.used == 0


def test_where_there_is_no_memory_left_pixels_are_sent() -> None:
    memory = Budget(400 * 300 * 12 + 10, "session.max_memory")
    screen = Screen(memory=memory)
    screen.surface.draw_encoded(0, 0, image(64, 64))
    assert jpeg(64, 64) not in [data for _, _, data in screen.frame()]


# ---- what hosts may send


def test_colours_of_an_unusual_resolution_are_refused() -> None:
    data = bytearray(jpeg(9, 9))
    data[data.find(b"\xff\xc0") + 11] = 0x14  # 4:4:1
    with pytest.raises(UpstreamError, match="sampled unusually"):
        EncodedImage.decode(JPEG, bytes(data), 9, 9)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="image/gif"):
        EncodedImage.decode("image/gif", b"GIF89a", 9, 9)
    for width, height in [(0, 9), (9, 0), (SIDE_MAX + 1, 9)]:
        with pytest.raises(UpstreamError, match=f"{width}x{height}"):
            EncodedImage.decode(JPEG, jpeg(9, 9), width, height)
    with pytest.raises(UpstreamError, match="bytes for a picture of 9x9"):
        EncodedImage.decode(JPEG, jpeg(9, 9) + bytes(70_000), 9, 9)
    with pytest.raises(UpstreamError, match=r"JPEG of 9x8 pixels \(YCbCr\) for 8x9"):
        EncodedImage.decode(JPEG, jpeg(9, 8), 8, 9)
    with pytest.raises(UpstreamError, match="PNG of 9x8 pixels for 8x9"):
        EncodedImage.decode(PNG, rgb_png(photo(9, 8)), 8, 9)
    with pytest.raises(UpstreamError, match=f"more than {SCANS_MAX} scans"):
        EncodedImage.decode(JPEG, jpeg(99, 99) + b"\xff\xda" * (SCANS_MAX + 1), 99, 99)


@pytest.mark.parametrize("cut", [0, 1, 2, 20, 300, 0.5, -20, -1])
@pytest.mark.parametrize("mimetype", [JPEG, PNG])
def test_what_is_cut_off_is_refused(mimetype: str, cut: float) -> None:
    data = jpeg(99, 88) if mimetype == JPEG else rgb_png(photo(99, 88))
    end = int(len(data) * cut) if cut == 0.5 else int(cut)
    with pytest.raises(UpstreamError, match="the host sent a"):
        EncodedImage.decode(mimetype, data[:end], 99, 88)


@given(st.data(), st.sampled_from([JPEG, PNG]))
@settings(max_examples=200)
def test_broken_files_are_refused_or_have_their_size(data: st.DataObject, mimetype: str) -> None:
    file = bytearray(jpeg(40, 30) if mimetype == JPEG else rgb_png(photo(40, 30)))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = EncodedImage.decode(mimetype, bytes(file), 40, 30)
    except UpstreamError:
        return
    assert decoded.size == (40, 30)
    assert decoded.array.shape == (30, 40, 4)


def png(chunks: dict[bytes, bytes], header: bytes = b"\0\0\0\x09\0\0\0\x08\x08\x02\0\0\0") -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    whole = {b"IHDR": header, **chunks, b"IEND": b""}
    for kind, data in whole.items():
        body = kind + data
        parts += [len(data).to_bytes(4), body, zlib.crc32(body).to_bytes(4)]
    return b"".join(parts)


ROWS = zlib.compress(bytes(8 * (1 + 9 * 3)))


def test_a_png_is_what_pixels_need_and_nothing_more() -> None:
    assert EncodedImage.decode(PNG, png({b"IDAT": ROWS}), 9, 8).size == (9, 8)
    interlaced = b"\0\0\0\x09\0\0\0\x08\x08\x02\0\0\1"
    with pytest.raises(UpstreamError, match="not supported"):
        EncodedImage.decode(PNG, png({b"IDAT": ROWS}, interlaced), 9, 8)
    with pytest.raises(UpstreamError, match="not supported"):
        EncodedImage.decode(PNG, rgba_png(photo(9, 8)), 9, 8)
    with pytest.raises(UpstreamError, match="more in it"):
        EncodedImage.decode(PNG, png({b"zTXt": b"a\0\0", b"IDAT": ROWS}), 9, 8)
    for wrong in (ROWS[:-1], zlib.compress(bytes(10**8)), zlib.compress(b"1"), b"?"):
        with pytest.raises(UpstreamError):
            EncodedImage.decode(PNG, png({b"IDAT": wrong}), 9, 8)


def test_what_browsers_would_turn_is_sent_as_pixels() -> None:
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo(90, 60)[..., :3]).save(turned, "JPEG", exif=exif)
    assert EncodedImage.decode(JPEG, turned.getvalue(), 90, 60).data == b""


def test_progressive_files_and_those_of_other_colours_are_refused() -> None:
    slow, inks, grey = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(photo(90, 60)[..., :3]).save(slow, "JPEG", progressive=True)
    with pytest.raises(UpstreamError, match="scans"):
        EncodedImage.decode(JPEG, slow.getvalue(), 90, 60)
    Image.fromarray(photo(90, 60), "CMYK").save(inks, "JPEG")
    with pytest.raises(UpstreamError, match="CMYK"):
        EncodedImage.decode(JPEG, inks.getvalue(), 90, 60)
    Image.fromarray(photo(90, 60)[..., 0]).save(grey, "JPEG")
    decoded = EncodedImage.decode(JPEG, grey.getvalue(), 90, 60)
    assert decoded.data
    assert (decoded.array[..., 0] == decoded.array[..., 2]).all()
