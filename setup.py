"""The one build step that is not declared in pyproject.toml: the page's third-party parts.

They come from npm, in the versions that package-lock.json pins, and go to guacr/web/vendor with
their licences. Nothing is fetched again while they are as pinned.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.errors import ExecError

ROOT = Path(__file__).parent
VENDOR = Path("guacr", "web", "vendor")
PINS = ("package.json", "package-lock.json", "setup.py")
PARTS = {
    "guacamole-common.js": "guacamole-common-js/dist/esm/guacamole-common.min.js",
    "guacamole-common.LICENSE": "guacamole-common-js/LICENSE",
    "DejaVuSansMono.woff2": "@fontsource/dejavu-mono/files/dejavu-mono-latin-400-normal.woff2",
    "DejaVuSansMono-Bold.woff2": "@fontsource/dejavu-mono/files/dejavu-mono-latin-700-normal.woff2",
    "DejaVuSansMono.ttf": "dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf",
    "DejaVuSansMono-Bold.ttf": "dejavu-fonts-ttf/ttf/DejaVuSansMono-Bold.ttf",
    "DejaVuSansMono-Oblique.ttf": "dejavu-fonts-ttf/ttf/DejaVuSansMono-Oblique.ttf",
    "DejaVuSansMono-BoldOblique.ttf": "dejavu-fonts-ttf/ttf/DejaVuSansMono-BoldOblique.ttf",
    "DejaVu.LICENSE": "dejavu-fonts-ttf/LICENSE",
}
"""Name in the vendor directory → path in node_modules."""
NPM = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")


class BuildWeb(Command):
    """Fetch the page's third-party parts from npm."""

    description = "fetch the page's third-party parts from npm"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib: str | None = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        target = ROOT / VENDOR
        pins = _digest()
        stamp = target / ".pins"
        if stamp.is_file() and stamp.read_text() == pins and all(map(_exists, PARTS)):
            return
        with tempfile.TemporaryDirectory() as directory:
            modules = _install(Path(directory))
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name, source in PARTS.items():
                shutil.copyfile(modules / source, target / name)
        stamp.write_text(pins)

    def get_source_files(self) -> list[str]:
        return list(PINS)

    def get_outputs(self) -> list[str]:
        return [] if self.editable_mode else list(self.get_output_mapping())

    def get_output_mapping(self) -> dict[str, str]:
        return {str(Path(self.build_lib or "") / VENDOR / n): str(VENDOR / n) for n in PARTS}


def _digest() -> str:
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in PINS)).hexdigest()


def _exists(name: str) -> bool:
    return (ROOT / VENDOR / name).is_file()


def _install(directory: Path) -> Path:
    """Install what is pinned below `directory`; the path of its node_modules."""
    npm = shutil.which("npm")
    if npm is None:
        raise ExecError(
            "npm is missing: the page's parts come from it at build time. Install Node.js 18 or "
            "newer with npm (on Debian: apt install nodejs npm) and build again."
        )
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, directory / name)
    result = subprocess.run(
        [npm, *NPM], cwd=directory, check=False, capture_output=True, text=True, timeout=600
    )
    if result.returncode != 0:
        raise ExecError(f"npm ci failed, and with it the build:\n{result.stderr}")
    return directory / "node_modules"


build.sub_commands.insert(0, ("build_web", None))
setup(cmdclass={"build_web": BuildWeb})
