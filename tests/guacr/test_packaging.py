"""pyproject.toml, package-lock.json and the source tree agree with each other."""

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from guacr.session.handler import ENTRY_POINT_GROUP, ProtocolHandler

ROOT = Path(__file__).parents[2]
PACKAGES = ("guacr", "handlers", "terminal")

IMPORTERS: dict[str, tuple[str, ...]] = {
    "acme": ("guacr.acme.client",),
    "josepy": ("guacr.acme.client",),
    "requests": ("guacr.acme.client",),
    "aardwolf": ("handlers.rdp.aardwolf",),
    "asn1crypto": ("handlers.rdp.aardwolf.nla",),
    "asyauth": ("handlers.rdp.aardwolf.nla",),
    "spnego": ("handlers.rdp.aardwolf.nla", "handlers.rdp.gateway.ntlm"),
    "PIL": (
        "guacr.display.encoder",
        "guacr.display.png",
        "guacr.session.notice",
        "guacr.testing.canvas",
        "handlers.lettering",
        "handlers.clipboard.images",
        "terminal",
    ),
    "aiohttp": (
        "guacr.acme.port",
        "guacr.daemon",
        "guacr.metrics.app",
        "guacr.metrics.service",
        "guacr.operators.identify",
        "guacr.operators.page",
        "guacr.operators.rest",
        "guacr.operators.service",
        "guacr.transport.websocket",
        "guacr.tubes.service.service",
        "guacr.tubes.service.signalling",
        "guacr.web",
        "handlers.kubernetes.websocket",
        "handlers.rdp.gateway.websocket",
    ),
    "annotated_types": ("guacr.settings.configuration",),
    "asyncssh": ("guacr.sshlib",),
    "bson": ("handlers.database.mongodb.values",),
    "cryptography": (
        "guacr.tubes.guacamole.connect_as",
        "guacr.sshlib",
        "guacr.access.guacamole_lite",
        "guacr.acme.client",
        "guacr.net.certificates",
        "guacr.tubes.rtc.dtls.certificate",
        "handlers.database.sqlserver.tls",
        "handlers.rdp.certificates",
        "handlers.rdp.gateway.ntlm",
        "handlers.vnc.rfb.security",
    ),
    "backports": ("guacr.journal.encoding",),
    "compression": ("guacr.journal.encoding",),
    "obstore": ("guacr.journal.object_store",),
    "pyrage": ("guacr.journal.encoding",),
    "gssapi": ("handlers.ssh.kerberos",),
    "aioice": (
        "guacr.tubes.rtc.ice.agent",
        "guacr.tubes.rtc.ice.candidates",
        "guacr.tubes.rtc.ice.checks",
        "guacr.tubes.rtc.ice.gathering",
        "guacr.tubes.rtc.ice.keep_alive",
        "guacr.tubes.rtc.ice.relays",
        "guacr.tubes.rtc.ice.selection",
        "guacr.tubes.rtc.ice.stun_endpoint",
    ),
    "ifaddr": ("guacr.tubes.rtc.ice.interfaces",),
    "google_crc32c": ("guacr.tubes.sctp.crc32c",),
    "isal": ("guacr.display.png",),
    "joserfc": ("guacr.access.tokens",),
    "asyncmy": ("handlers.database.mysql.adapter", "handlers.database.mysql.connection"),
    "opentelemetry": ("guacr.telemetry.sdk",),
    "oracledb": ("handlers.database.oracle.adapter", "handlers.database.oracle.sockets"),
    "prometheus_client": ("guacr.metrics.exposition",),
    "prompt_toolkit": (
        "handlers.database.console.keyboard",
        "handlers.database.console.long_lines",
        "handlers.database.console.prompt",
        "handlers.database.console.prompt_buffer",
        "handlers.database.console.prompt_layout",
    ),
    "psycopg": (
        "handlers.database.postgresql.adapter",
        "handlers.database.postgresql.ambient",
        "handlers.database.postgresql.connection",
        "handlers.database.postgresql.errors",
        "handlers.database.postgresql.guard",
        "handlers.database.postgresql.relay",
    ),
    "pygments": ("handlers.database.console.prompt",),
    "pymongo": ("handlers.database.mongodb.adapter",),
    "pytds": (
        "handlers.database.sqlserver.adapter",
        "handlers.database.sqlserver.routes",
        "handlers.database.sqlserver.tls",
    ),
    "OpenSSL": ("guacr.tubes.rtc.dtls.connection", "handlers.database.sqlserver.tls"),
    "service_identity": ("handlers.database.sqlserver.tls",),
    "wcwidth": ("handlers.database.console.table", "terminal.engines.pyte.widths"),
    "pydantic": (
        "guacr.settings.access",
        "guacr.settings.acme",
        "guacr.settings.configuration",
        "guacr.settings.control",
        "guacr.settings.journal",
        "guacr.settings.limits",
        "guacr.settings.models",
        "guacr.settings.recording",
        "guacr.settings.section",
        "guacr.settings.telemetry",
        "guacr.settings.types",
        "guacr.settings.webrtc",
    ),
    "pydantic_core": ("guacr.settings.configuration",),
    "pydantic_settings": ("guacr.settings.configuration",),
    "pyghostty": ("terminal.engines.ghostty.library",),
    "pyte": ("terminal.engines.pyte.library",),
    "re2": ("handlers.telnet.expressions",),
    "simplejpeg": ("guacr.display.jpeg",),
    "google": ("guacr.operators.rpc.messages",),
    "rich": ("guacr.cli.top.app",),
    "textual": ("guacr.cli.top.app",),
    "grpc": ("guacr.operators.rpc.server", "guacr.operators.rpc.servicer"),
    "grpc_health": ("guacr.operators.rpc.server",),
    "grpc_reflection": ("guacr.operators.rpc.server",),
    "uvloop": ("guacr.event_loop", "guacr.tubes.compat.runtime"),
    "yaml": ("handlers.kubernetes.kubeconfig",),
}
"""Third-party library → the modules, or packages, that may import it.

Any module may import NumPy and typing_extensions.
"""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "package-lock.json").read_text())
    return found


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the distribution with its path."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def may_import(module: str, library: str) -> bool:
    return any(
        module == place or module.startswith(f"{place}.") for place in IMPORTERS.get(library, ())
    )


def test_every_package_is_listed(project: dict[str, Any]) -> None:
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
    }
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(found)


def test_every_data_file_is_listed(project: dict[str, Any]) -> None:
    listed = {
        path
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in ROOT.glob(f"{package.replace('.', '/')}/{pattern}")
    }
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert path in listed, path


@pytest.mark.parametrize("package", PACKAGES)
def test_every_directory_of_modules_is_a_package(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        assert (path.parent / "__init__.py").exists(), path
    assert (ROOT / package / "py.typed").exists()


def test_every_directory_of_tests_is_a_package() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert (path.parent / "__init__.py").exists(), path


def test_third_party_libraries_are_wrapped() -> None:
    own = {*PACKAGES, "numpy", "typing_extensions"}
    strangers = [
        f"{module} imports {library}"
        for module, path in modules()
        for library in imported(path) - sys.stdlib_module_names - own
        if not may_import(module, library)
    ]
    assert strangers == []


def test_every_module_is_public_or_kept_from_handlers(project: dict[str, Any]) -> None:
    contracts = project["tool"]["importlinter"]["contracts"]
    protected = {name for one in contracts for name in one.get("protected_modules", ())}
    found = {".".join(module.split(".")[:2]) for module, _ in modules()} - {"guacr"}
    found = {name for name in found if name.startswith("guacr.")}
    assert found - protected == {"guacr.__main__", "guacr.api", "guacr.sshlib"}


def test_every_handler_can_be_loaded(project: dict[str, Any]) -> None:
    declared = project["project"]["entry-points"][ENTRY_POINT_GROUP]
    installed = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    for name, target in declared.items():
        assert installed[name].value == target
        handler = installed[name].load()
        assert issubclass(handler, ProtocolHandler)
        assert handler.name == name


def test_version_is_told_once(project: dict[str, Any]) -> None:
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "guacr.__version__"}


def test_npm_lock_pins_without_addresses(lock: dict[str, Any]) -> None:
    for name, package in lock["packages"].items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, name


def test_npm_versions_are_exact(lock: dict[str, Any]) -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def test_third_party_parts_of_the_page_are_there_with_their_licences() -> None:
    vendor = ROOT / "guacr" / "web" / "vendor"
    names = {path.name for path in vendor.iterdir()}
    assert {"guacamole-common.js", "guacamole-common.LICENSE", "DejaVu.LICENSE"} <= names
    fonts = {f"DejaVuSansMono{face}.ttf" for face in ("", "-Bold", "-Oblique", "-BoldOblique")}
    assert fonts <= names
    assert "Apache License" in (vendor / "guacamole-common.LICENSE").read_text()
    assert "Bitstream Vera" in (vendor / "DejaVu.LICENSE").read_text()
