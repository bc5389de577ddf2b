"""Finding fonts: through fontconfig, and without it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.errors import GuacrError
from terminal.drawing import fonts
from terminal.drawing.fonts import Coverage, Face, find_family


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    fonts._families.clear()
    yield
    fonts._families.clear()


@pytest.fixture
def without_fontconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No program to run, and no fonts but those in the returned directory."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(fonts, "_SYSTEM_DIRECTORIES", ())
    return tmp_path


def test_coverage_holds_its_ranges() -> None:
    coverage = Coverage.parse("20-7e a0 1f600-1f64f")
    assert [code in coverage for code in (0x1F, 0x20, 0x7E, 0x7F, 0xA0, 0xA1)] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    assert 0x1F600 in coverage
    assert 0x1F650 not in coverage
    assert 0x20 not in Coverage.parse("")


def test_the_four_faces_of_a_family_are_its_own() -> None:
    family = find_family("DejaVu Sans Mono")
    names = [Path(family.faces[face][0].path).stem for face in range(4)]
    assert names[0] == "DejaVuSansMono"
    assert len(set(names)) == 4
    assert not any(family.faces[face][0].embolden for face in range(4))


def test_what_a_family_lacks_comes_from_others() -> None:
    family = find_family("monospace")
    for code, emoji in ((0x6F22, False), (0x1F600, True)):
        found = family.candidates(code, Face.REGULAR, emoji)
        assert found[0].may_cover(code)
        assert found[0].colour == emoji


def test_a_missing_family_is_replaced_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        family = find_family("No Such Font, really: -- \\")
        find_family("No Such Font, really: -- \\")
    assert family.faces[0]
    assert [record.message for record in caplog.records] == [
        "font family 'No Such Font, really: -- \\\\' was not found, using "
        + family.faces[0][0].family
    ]


def test_without_fontconfig_the_given_directories_are_searched(without_fontconfig: Path) -> None:
    directory = without_fontconfig / "fonts"
    directory.mkdir()
    (directory / "broken.ttf").write_bytes(b"no font")
    font = directory / "mono.ttf"
    font.symlink_to("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
    family = find_family("monospace", (directory,))
    assert family.faces[Face.REGULAR][0].path == str(font)
    assert family.faces[Face.BOLD][0].embolden
    assert family.faces[Face.ITALIC][0].slant


def test_without_any_font_the_error_says_what_to_install(without_fontconfig: Path) -> None:
    with pytest.raises(GuacrError, match=r"this machine has no font.*install fontconfig"):
        find_family("monospace", (without_fontconfig,))


def test_what_was_found_is_at_hand() -> None:
    assert not fonts.is_found("monospace")
    family = find_family("monospace")
    assert fonts.is_found("monospace")
    assert find_family("monospace") is family


def test_what_is_remembered_is_bounded(without_fontconfig: Path) -> None:
    bundled = without_fontconfig / "fonts"
    bundled.mkdir()
    source = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
    (bundled / source.name).write_bytes(source.read_bytes())
    for number in range(fonts.MAX_FAMILIES + 3):
        find_family(f"family {number}", (bundled,))
    assert not fonts.is_found("family 2", (bundled,))
    assert fonts.is_found("family 3", (bundled,))


def test_a_family_without_italics_has_them_made() -> None:
    family = find_family("Noto Sans CJK JP")
    assert "CJK" in family.faces[Face.ITALIC][0].path
    assert family.faces[Face.ITALIC][0].slant
    assert not family.faces[Face.REGULAR][0].slant
