"""Set-up for every test: the fonts, and the guards against leaks and a held event loop."""

import os
from pathlib import Path

os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "support" / "fonts.conf")

pytest_plugins = ("tests.support.guarding",)
