"""The common part of all parts of `PyTubeRegistry`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from guacr.tubes.compat.runtime import Runtime, runtime
from guacr.tubes.compat.tubes import Tubes

T = TypeVar("T")


class Access:
    """Access to the tubes of the process, from any thread."""

    @property
    def _runtime(self) -> Runtime:
        return runtime()

    def _do(self, step: Callable[[Tubes], T], prefix: str = "") -> T:
        """Return the result of a step on the loop.

        Raises:
            RuntimeError: it has failed; the text begins with `prefix`.
        """
        run = self._runtime
        return run.do(lambda: step(run.tubes), prefix)
