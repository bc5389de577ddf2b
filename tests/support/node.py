"""JavaScript packages that tests run: those that package-lock.json pins."""

from __future__ import annotations

from pathlib import Path

from tests.support.require import missing, require

NODE_MODULES = Path(__file__).parents[2] / "node_modules"


def require_package(name: str) -> Path:
    """The directory of an installed package; `npm ci` in the checkout installs them."""
    require("node")
    package = NODE_MODULES / name
    if not (package / "package.json").is_file():
        missing(f"the npm package {name} is not installed")
    return package
