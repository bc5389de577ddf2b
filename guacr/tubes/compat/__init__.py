"""The interface of keeper-pam-webrtc-rs 2.2.9 (`keeper_pam_webrtc_rs`), over asyncio.

    from guacr.tubes import PyTubeRegistry

Everything is synchronous and may be called from any thread, also from callbacks; failures are
RuntimeErrors.
"""

from guacr.tubes.compat.logger import initialize_logger, set_verbose_logging
from guacr.tubes.compat.reasons import PyCloseConnectionReason
from guacr.tubes.compat.registry import PyTubeRegistry
from guacr.tubes.compat.runtime import shutdown as shutdown_runtime_from_python
from guacr.tubes.compat.tubes import VERSION

__version__ = VERSION

__all__ = [
    "PyCloseConnectionReason",
    "PyTubeRegistry",
    "__version__",
    "initialize_logger",
    "set_verbose_logging",
    "shutdown_runtime_from_python",
]
