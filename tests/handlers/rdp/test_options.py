"""Parameters become FreeRDP's settings."""

from __future__ import annotations

import pytest

from guacr.settings.models import Settings
from handlers.rdp.channel.messages import BinarySetting, Setting
from handlers.rdp.handler import RdpHandler
from handlers.rdp.login import Login
from handlers.rdp.options import geometry_of, settings_of, zone_of
from handlers.rdp.params import RdpParams


def settings(security: str = "any", **values: str) -> dict[str, str]:
    """The settings of parameters, whose names are written with underscores."""
    params = RdpParams.parse({name.replace("_", "-"): text for name, text in values.items()})
    geometry = geometry_of(params, 1024, 768, 96)
    messages = settings_of(params, Login.of(params), geometry, security)
    return {message.name: message.value for message in messages if isinstance(message, Setting)}


@pytest.mark.parametrize(
    ("security", "nla", "tls", "rdp"),
    [
        ("any", "TRUE", "TRUE", "FALSE"),
        ("nla", "TRUE", "FALSE", "FALSE"),
        ("tls", "FALSE", "TRUE", "FALSE"),
        ("rdp", "FALSE", "FALSE", "TRUE"),
    ],
)
def test_security(security: str, nla: str, tls: str, rdp: str) -> None:
    found = settings(security)
    assert (found["NlaSecurity"], found["TlsSecurity"], found["RdpSecurity"]) == (nla, tls, rdp)
    assert found["ExternalCertificateManagement"] == "TRUE"


def test_without_authentication_there_is_no_nla() -> None:
    found = settings("any", disable_auth="true", username="u")
    assert (found["NlaSecurity"], found["TlsSecurity"]) == ("FALSE", "TRUE")
    assert found["Username"] == "u"


@pytest.mark.parametrize(
    ("username", "domain", "account"),
    [
        ("CORP\\bob", "", ("bob", "CORP")),
        ("CORP\\bob", "OTHER", ("CORP\\bob", "OTHER")),
        ("bob@corp.example", "", ("bob@corp.example", None)),
    ],
)
def test_domains(username: str, domain: str, account: tuple[str, str | None]) -> None:
    found = settings(username=username, domain=domain)
    assert (found["Username"], found.get("Domain")) == account


def test_missing_credentials_are_left_out() -> None:
    assert not {"Username", "Password", "Domain"} & set(settings())
    found = settings(username="u", password="p")
    assert (found["Username"], found["Password"]) == ("u", "p")
    assert found["AutoLogonEnabled"] == "TRUE"


def test_the_graphics_pipeline_needs_32_bits() -> None:
    assert settings()["SupportGraphicsPipeline"] == "TRUE"
    assert settings(color_depth="32")["SupportGraphicsPipeline"] == "TRUE"
    assert settings(color_depth="16")["SupportGraphicsPipeline"] == "FALSE"
    assert settings(disable_gfx="true")["SupportGraphicsPipeline"] == "FALSE"


def test_codecs() -> None:
    """Those that lose details for good are not asked for."""
    found = settings()
    assert found["GfxProgressive"] == "TRUE"
    lossy = ("RemoteFxCodec", "NSCodec", "GfxH264", "GfxAVC444")
    assert {found[name] for name in lossy} == {"FALSE"}
    assert settings(disable_gfx="true")["GfxProgressive"] == "FALSE"


@pytest.mark.parametrize(("near", "compressed"), [(True, "FALSE"), (False, "TRUE")])
def test_what_a_near_server_sends_is_not_compressed(near: bool, compressed: str) -> None:
    params = RdpParams()
    geometry = geometry_of(params, 1024, 768, 96)
    messages = settings_of(params, Login.of(params), geometry, "any", is_near=near)
    assert Setting("CompressionEnabled", compressed) in messages


def test_a_load_balancer_is_sent_bytes() -> None:
    params = RdpParams.parse({"load-balance-info": "tsv://x"})
    geometry = geometry_of(params, 1024, 768, 96)
    messages = settings_of(params, Login.of(params), geometry, "any")
    assert BinarySetting("LoadBalanceInfo", b"tsv://x") in messages


@pytest.mark.parametrize(
    ("dpi", "desktop", "device"),
    [(96, 100, 100), (120, 125, 100), (144, 150, 140), (192, 200, 180), (480, 500, 180)],
)
def test_screens_with_many_pixels_have_larger_text(dpi: int, desktop: int, device: int) -> None:
    found = geometry_of(RdpParams(), 1920, 1080, dpi)
    assert (found.desktop_scale, found.device_scale) == (desktop, device)
    assert found.physical_width == pytest.approx(1920 * 25.4 / dpi, abs=1)
    unscaled = geometry_of(RdpParams(disable_scaling=True), 1920, 1080, dpi)
    assert (unscaled.desktop_scale, unscaled.device_scale) == (100, 100)


def test_sizes_are_those_that_servers_accept() -> None:
    tiny, odd = geometry_of(RdpParams(), 10, 10, 0), geometry_of(RdpParams(), 1025, 769, 0)
    assert (tiny.width, tiny.height) == (200, 200)
    assert (odd.width, odd.height) == (1024, 769)
    fixed = geometry_of(RdpParams.parse({"width": "800", "height": "600"}), 1920, 1080, 96)
    assert (fixed.width, fixed.height) == (800, 600)


def test_remote_apps_are_drawn_on_a_desktop() -> None:
    found = settings(remote_app="||pad", remote_app_args="a.txt")
    assert found["RemoteApplicationMode"] == "TRUE"
    assert found["RemoteApplicationCmdLine"] == "a.txt"
    assert found["SupportGraphicsPipeline"] == found["HiDefRemoteApp"] == "FALSE"
    assert "RemoteApplicationMode" not in settings()


@pytest.mark.parametrize(
    ("width", "monitors", "most", "desktop", "used"),
    [
        ("1920", "2", 16, 1920, 2),
        ("1000", "3", 16, 996, 3),
        ("500", "4", 16, 800, 4),
        ("8192", "16", 16, 8192, 16),
        ("1920", "4", 2, 1920, 2),
        ("1920", "4", 0, 1920, 1),
    ],
)
def test_monitors_divide_the_desktop(
    width: str, monitors: str, most: int, desktop: int, used: int
) -> None:
    params = RdpParams.parse({"width": width, "monitors": monitors})
    found = geometry_of(params, 1024, 768, 96, most)
    assert (found.width, found.monitors) == (desktop, used)
    assert len(found.columns()) == used


def test_one_monitor_needs_no_list() -> None:
    assert settings()["UseMultimon"] == "FALSE"
    assert settings(monitors="2")["UseMultimon"] == "TRUE"


@pytest.mark.parametrize(
    ("zone", "known"),
    [
        ("", True), ("Europe/Berlin", True), ("UTC", True), ("Mars/Phobos", False),
        ("../../etc/passwd", False), ("Europe", False), ("a\0b", False), ("x" * 5000, False),
    ],
)  # fmt: skip
def test_an_unknown_time_zone_is_reported(zone: str, known: bool) -> None:
    found = RdpHandler.remarks(Settings(), RdpParams.parse({"timezone": zone}))
    assert found == [] if known else "is no known name: use one such as" in found[0]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Argentina/Salta", "Etc/GMT+3", "UTC"])
def test_time_zones(zone: str) -> None:
    assert zone_of(zone) == zone


@pytest.mark.parametrize(
    "zone", ["", "a\0b", ":/etc/shadow", "/etc/localtime", "../x", "<a>-99", "A/", "x" * 65, "é"]
)
def test_what_is_no_time_zone(zone: str) -> None:
    assert zone_of(zone) == ""
