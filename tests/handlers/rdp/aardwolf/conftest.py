"""Without aardwolf, only the tests of its absence are run."""

from __future__ import annotations

import os
from importlib.util import find_spec

if not find_spec("aardwolf") and os.environ.get("CI") != "true":
    collect_ignore_glob = ["test_[!e]*.py"]
