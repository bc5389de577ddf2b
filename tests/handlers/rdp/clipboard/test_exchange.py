"""What users and a host copy, without a worker; hosts that misuse the clipboard."""

from __future__ import annotations

import asyncio
import struct
from io import BytesIO

import pytest
from PIL import Image

from guacr.api import UpstreamError
from handlers.clipboard import html, images
from handlers.rdp import host_channel
from handlers.rdp.channel.codec import PART_MAX, ChannelError
from handlers.rdp.channel.pipes import PipeWritten
from handlers.rdp.clipboard import channel, clipboard, formats, pdu
from handlers.rdp.clipboard.channel import NAME
from handlers.rdp.clipboard.text import CF_TEXT, CF_UNICODETEXT, encode
from tests.handlers.rdp.clipboard.host import LIMIT, Host, host_of
from tests.support.waiting import until

REQUEST, RESPONSE, CONFIRMED = pdu.DATA_REQUEST, pdu.DATA_RESPONSE, pdu.LIST_RESPONSE
TEXT, BOTH = {"13": 13}, {"13": 13, "HTML Format": 0xC0DE}


def number(value: int) -> bytes:
    return struct.pack("<I", value)


def png(width: int = 3, height: int = 2) -> bytes:
    written = BytesIO()
    Image.new("RGB", (width, height), "navy").save(written, "PNG")
    return written.getvalue()


def names(message: bytes) -> list[str]:
    """The formats of a list, with their names or their numbers."""
    found = pdu.parse(pdu.HEADER.pack(2, 0, len(message)) + message, long_names=True)
    assert isinstance(found, pdu.FormatList)
    return list(found.formats)


# ---- from users


async def test_what_was_copied_before_the_host_is_ready() -> None:
    host = Host()
    host.clipboard.paste({"text/plain": b"a"})
    assert not host.received
    host.begin()
    _, listed = await host.next(pdu.CAPABILITIES, pdu.FORMAT_LIST)
    assert names(listed) == ["13", "1"]
    await host.close()


async def test_all_formats_for_the_host() -> None:
    async with host_of() as host:
        contents = {"text/plain": "Grü".encode(), "text/html": b"<b>", "image/png": png()}
        host.clipboard.paste(contents)
        (listed,) = await host.next(pdu.FORMAT_LIST)
        assert names(listed) == ["13", "1", "HTML Format", "PNG", "8"]
        for kind, wanted in (
            (CF_UNICODETEXT, encode("Grü".encode(), CF_UNICODETEXT, "")),
            (CF_TEXT, b"Gr\xfc\0"),
            (formats.HTML_NUMBER, html.encode(b"<b>")),
            (formats.PNG_NUMBER, png()),
            (formats.CF_DIB, images.to_bitmap(png()) + formats.PADDING),
        ):
            host.say(pdu.data_request(kind))
            assert await host.next(RESPONSE) == [wanted]
        host.say(pdu.data_request(2))
        await host.next(-RESPONSE)


async def test_requests_that_cannot_be_answered() -> None:
    async with host_of() as host:
        host.say(pdu.data_request(CF_UNICODETEXT))
        await host.next(-RESPONSE)
        host.clipboard.paste({"image/png": b"no image", "application/unknown": b"a"})
        (listed,) = await host.next(pdu.FORMAT_LIST)
        assert names(listed) == ["PNG", "8"]
        host.say(pdu.data_request(formats.CF_DIB))
        host.say(pdu.data_request(formats.PNG_NUMBER))  # the first one has not been answered
        await host.next(-RESPONSE, -RESPONSE)
        host.clipboard.paste({"text/plain": b"a"})
        host.clipboard.lose()
        host.say(pdu.data_request(CF_UNICODETEXT))
        await host.next(pdu.FORMAT_LIST, -RESPONSE)


async def test_an_answer_that_users_have_replaced_is_not_given() -> None:
    async with host_of() as host:
        host.clipboard.paste({"text/plain": b"a"})
        host.say(pdu.data_request(CF_UNICODETEXT))
        host.clipboard.paste({"text/plain": b"b"})
        await host.next(pdu.FORMAT_LIST, pdu.FORMAT_LIST, -RESPONSE)
        host.say(pdu.data_request(CF_TEXT))
        assert await host.next(RESPONSE) == [b"b\0"]


async def test_a_long_text_comes_whole_and_in_order() -> None:
    async with host_of(limit=10 * PART_MAX) as host:
        text = bytes([97]) * 5 * PART_MAX
        host.clipboard.paste({"text/plain": text})
        await host.next(pdu.FORMAT_LIST)
        host.say(pdu.data_request(CF_TEXT))
        host.reads.clear()
        await until(lambda: host.clipboard._channel._queue, "an answer that is ready")
        host.announce({})
        assert not host.received
        host.reads.set()
        answer, confirmed = await host.next(RESPONSE, CONFIRMED)
        assert (answer, confirmed) == (text + b"\0", b"")


# ---- from the host


async def test_text_and_html_are_sent_together() -> None:
    async with host_of() as host:
        host.announce(BOTH | {"8": 8})
        assert await host.next(CONFIRMED, REQUEST) == [b"", number(13)]
        host.say(pdu.data_response(encode("ü".encode(), 13, "")))
        assert await host.next(REQUEST) == [number(0xC0DE)]
        assert not host.sent
        host.say(pdu.data_response(html.encode(b"<b>")))
        await until(lambda: host.sent, "the clipboard")
        whole = html.decode(html.encode(b"<b>"), LIMIT)
        assert host.sent == [{"text/plain": "ü".encode(), "text/html": whole}]


async def test_text_and_html_have_one_limit() -> None:
    async with host_of(limit=1000) as host:
        host.announce(BOTH)
        assert await host.next(CONFIRMED, REQUEST) == [b"", number(13)]
        host.say(pdu.data_response(encode(b"t" * 600, 13, "")))
        assert await host.next(REQUEST) == [number(0xC0DE)]
        host.say(pdu.data_response(html.encode(b"h" * 600)))
        await until(lambda: host.sent, "the clipboard")
        assert host.sent == [{"text/plain": b"t" * 600}]


@pytest.mark.parametrize("answer", [None, b"", bytes(LIMIT + formats.HEADERS + 1)])
async def test_a_text_is_not_lost_with_its_html(answer: bytes | None) -> None:
    async with host_of() as host:
        host.announce(BOTH)
        host.say(pdu.data_response(b"a\0"))
        await until(lambda: len(host.received) == 3, "the second request")
        host.say(pdu.data_response(answer))
        await until(lambda: host.sent, "the text")
        assert host.sent == [{"text/plain": b"a"}]


async def test_a_host_that_never_sends_the_html(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "ALONE_AFTER", 0.01)
    async with host_of() as host:
        host.announce(BOTH)
        host.say(pdu.data_response(b"a\0\0\0"))
        await until(lambda: host.sent, "the text")
        assert host.sent == [{"text/plain": b"a"}]


NUMBERS = {"PNG": 0xC0DE, "8": 8, "17": 17}


@pytest.mark.parametrize("kind", NUMBERS)
async def test_images(kind: str) -> None:
    async with host_of() as host:
        host.announce({kind: NUMBERS[kind], "2": 2})
        assert await host.next(CONFIRMED, REQUEST) == [b"", number(NUMBERS[kind])]
        host.say(pdu.data_response(png() if kind == "PNG" else images.to_bitmap(png())))
        await until(lambda: host.sent, "the image")
        with Image.open(BytesIO(host.sent[0]["image/png"])) as image:
            assert (image.size, image.convert("RGB").getpixel((2, 1))) == ((3, 2), (0, 0, 128))


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("PNG", png() + bytes(LIMIT), "more than the 1000 bytes"),
        ("PNG", b"no image", "not a PNG"),
        ("8", b"no image" * 10, "was dropped"),
    ],
)
async def test_images_that_are_dropped(
    kind: str, data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with host_of() as host:
        host.announce({kind: 8})
        host.say(pdu.data_response(data))
        await until(lambda: reason in caplog.text, "a warning")
        assert not host.sent
        host.announce(TEXT)
        host.say(pdu.data_response(b"a\0"))
        await until(lambda: host.sent, "the next clipboard")


async def test_nobody_accepts_it() -> None:
    async with host_of() as host:
        host.clipboard_types = frozenset(("text/plain",))
        host.announce({"PNG": 5})
        await host.next(CONFIRMED)
        host.announce(BOTH)
        assert await host.next(CONFIRMED, REQUEST) == [b"", number(13)]
        host.say(pdu.data_response(b"a\0"))
        await until(lambda: host.sent, "the text")
        host.clipboard_types = frozenset()
        host.announce(TEXT)
        await host.next(CONFIRMED)


async def test_an_answer_belongs_to_its_request() -> None:
    async with host_of() as host:
        host.announce(TEXT)
        await host.next(CONFIRMED, REQUEST)
        host.announce({"1": 1})
        await host.next(CONFIRMED)  # the first request has not been answered
        host.say(pdu.data_response(encode(b"old", 13, "")))
        assert await host.next(REQUEST) == [number(1)]
        host.say(pdu.data_response(b"new\0"))
        await until(lambda: host.sent, "the text")
        assert host.sent == [{"text/plain": b"new"}]
        host.say(pdu.data_response(b"unwanted\0"))
        assert len(host.sent) == 1


async def test_an_answer_that_is_outdated_is_not_even_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with host_of() as host:
        host.announce({"PNG": 5})
        host.announce(TEXT)
        host.take()
        host.say(pdu.data_response(bytes(LIMIT + 2)))
        await host.next(REQUEST)
        assert "was dropped" not in caplog.text


async def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with host_of() as host:
        host.announce(TEXT)
        await host.next(CONFIRMED, REQUEST)
        monkeypatch.setattr(clipboard, "ANSWER_TIMEOUT", 0.0)
        host.announce({"1": 1})
        assert await host.next(CONFIRMED, REQUEST) == [b"", number(1)]


async def test_a_text_has_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    async with host_of() as host:
        for size, fits in ((LIMIT, True), (LIMIT + 1, False), (LIMIT * 100, False)):
            host.sent.clear()
            caplog.clear()
            host.announce(TEXT)
            host.say(pdu.data_response(encode(bytes([97]) * size, 13, "")))
            await until(lambda: host.sent or "was dropped" in caplog.text, "news")
            assert bool(host.sent) is fits


async def test_the_memory_of_a_session_has_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    async with host_of(memory=channel.OTHERS_MAX) as host:
        host.announce({"8": 8})
        host.say(pdu.data_response(bytes(channel.OTHERS_MAX)))
        await until(lambda: "session.max_memory" in caplog.text, "a warning")
        assert host.memory.used == 0
        host.announce(TEXT)
        host.say(pdu.data_response(b"a\0"))
        await until(lambda: host.sent, "the next clipboard")


async def test_a_host_that_reads_no_answers() -> None:
    async with host_of() as host:
        host.confirms = False
        for _ in range(host_channel.UNSENT_MAX):
            host.announce({})
        with pytest.raises(UpstreamError):
            host.announce({})


async def test_a_worker_that_has_written_what_nobody_sent() -> None:
    async with host_of() as host:
        with pytest.raises(ChannelError):
            host.clipboard.handle(PipeWritten(NAME))


async def requested(host: Host, times: int) -> None:
    """Request a text several times, each time after the answer is ready."""
    for _ in range(times):
        host.say(pdu.data_request(CF_UNICODETEXT))
        await until(lambda: host.clipboard._answering is None, "the answer")


async def test_a_worker_that_has_written_what_is_still_to_be_sent() -> None:
    async with host_of(limit=1 << 18) as host:
        host.clipboard.paste({"text/plain": bytes(PART_MAX).replace(b"\0", b"x")})
        await host.next(pdu.FORMAT_LIST)
        host.reads.clear()
        await requested(host, 3)
        host.clipboard.handle(PipeWritten(NAME))  # what is just being sent may be
        with pytest.raises(ChannelError):
            host.clipboard.handle(PipeWritten(NAME))


async def test_requests_are_declined_while_the_host_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_channel, "QUEUED_MAX", 3 * PART_MAX)
    async with host_of(limit=1 << 18) as host:
        host.clipboard.paste({"text/plain": bytes(PART_MAX).replace(b"\0", b"x")})
        await host.next(pdu.FORMAT_LIST)
        host.reads.clear()
        await requested(host, 4)
        host.reads.set()
        await host.next(RESPONSE, RESPONSE, -RESPONSE, -RESPONSE)
        await requested(host, 1)
        await host.next(RESPONSE)


async def test_broken_messages_change_nothing() -> None:
    async with host_of() as host:
        for broken in (b"\1", pdu.HEADER.pack(4, 0, 9), b"\xff" * 100):
            host.say(broken)
        assert not host.take()
        host.announce(TEXT)
        await host.next(CONFIRMED, REQUEST)


async def test_a_list_with_short_names() -> None:
    host = Host()
    host.begin(capabilities=0)
    await host.next(pdu.CAPABILITIES, pdu.FORMAT_LIST)
    host.say(pdu.format_list(BOTH, long_names=False))
    assert await host.next(CONFIRMED, REQUEST) == [b"", number(13)]
    host.clipboard.paste({"text/html": b"<b>"})
    (listed,) = await host.next(pdu.FORMAT_LIST)
    assert listed == number(formats.HTML_NUMBER) + "HTML Format".encode("utf-16-le").ljust(
        32, b"\0"
    )
    await host.close()


async def test_the_next_connection() -> None:
    async with host_of() as host:
        host.clipboard.paste({"text/plain": b"a"})
        host.announce(TEXT)
        host.clipboard.end()
        host.say(pdu.data_request(13))
        await asyncio.sleep(0)
        host.offers.clear()
        host.take()
        host.begin()
        _, listed = await host.next(pdu.CAPABILITIES, pdu.FORMAT_LIST)
        assert names(listed) == []  # the latest was the host's
        host.announce(TEXT)
        await host.next(CONFIRMED, REQUEST)
