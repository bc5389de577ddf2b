"""Collections of garbage are postponed while the daemon loads."""

import gc
import subprocess
import sys
from contextlib import suppress

from guacr import garbage

PROGRAM = """
import gc, weakref
from guacr import garbage
class Cycle: pass
with garbage.postponed():
    assert not gc.isenabled()
    loaded, lost = [], Cycle()
    lost.itself, seen = lost, weakref.ref(lost)
    del lost
    garbage.resume()
    assert seen() is None
    assert gc.isenabled() and gc.get_threshold() == garbage.THRESHOLDS
    assert gc.get_freeze_count() > 0 and all(one is not loaded for one in gc.get_objects())
"""


def test_what_is_loaded_is_collected_once_and_kept_out_of_later_collections() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=30)


def test_collection_begins_again_after_a_failed_start() -> None:
    with suppress(ValueError), garbage.postponed():
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()
