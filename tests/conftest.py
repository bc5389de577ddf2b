"""What holds for every test: the fonts."""

import os
from pathlib import Path

os.environ["FONTCONFIG_FILE"] = str(Path(__file__).parent / "support" / "fonts.conf")
