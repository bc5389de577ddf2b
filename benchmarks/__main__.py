"""Run all benchmarks, or those named: parse, terminal, images, encode, fanout, session, join,
transfer, files, sftp, console, motion, encoded, link, recording, export, sound, tubes, tunnel,
churn, ice, dtls, wheel, lossy, webrtc, vnc, journal, idle, workers, keys.

`esctest DIRECTORY` runs esctest. `soak --minutes 60` runs for an hour (see `benchmarks.soak`).
"""

import importlib
import sys

NAMES = [
    "parse",
    "terminal",
    "images",
    "encode",
    "fanout",
    "session",
    "join",
    "transfer",
    "files",
    "sftp",
    "console",
    "motion",
    "encoded",
    "link",
    "recording",
    "export",
    "sound",
    "tubes",
    "tunnel",
    "churn",
    "ice",
    "dtls",
    "wheel",
    "lossy",
    "webrtc",
    "vnc",
    "journal",
    "idle",
    "workers",
    "keys",
]


def main(names: list[str]) -> int:
    """Run the benchmarks of these names."""
    if names[:1] == ["esctest"]:
        importlib.import_module("benchmarks.esctest").main(names[1:])
        return 0
    if names[:1] == ["soak"]:
        status: int = importlib.import_module("benchmarks.soak.run").main(names[1:])
        return status
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"there is no benchmark {unknown[0]}: known are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in names or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
