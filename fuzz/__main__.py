"""The command (see `fuzz`)."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

from fuzz.targets import TARGETS

PLACE = Path(".fuzz")
"""The directory for what was learnt: interesting inputs, and the executions of each target."""
PACKAGES = ["guacr", "handlers", "terminal"]
SIZE_MAX = 65536
"""Bytes of an input."""
HANG = 30
"""Seconds after which one input counts as a failure."""
MEMORY_MAX = 2048
"""MiB after which it does."""
_EXECUTIONS = re.compile(r"^Done (\d+) (?:runs )?in", re.MULTILINE)


def fuzz(name: str, runs: int, seconds: int) -> None:
    """Run a target in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=PACKAGES, enable_loader_override=False):
        target = importlib.import_module(f"tests.fuzz.{name}")
    corpus = PLACE / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(target.SAMPLES):
        (corpus / f"sample-{number}").write_bytes(sample)
    options = {
        "atheris_runs": runs,
        "max_total_time": seconds,
        "max_len": SIZE_MAX,
        "timeout": HANG,
        "rss_limit_mb": MEMORY_MAX,
        "artifact_prefix": f"{PLACE}/{name}-",
    }
    words = [f"-{option}={value}" for option, value in options.items() if value != -1]
    atheris.Setup([sys.argv[0], *words, str(corpus)], target.one_input)
    atheris.Fuzz()


def observe(name: str, options: list[str]) -> bool:
    """Run a target in a child process, and count its executions; return whether it held."""
    command = [sys.executable, "-m", "fuzz", name, "--here", *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    counts = _EXECUTIONS.findall(done.stdout + done.stderr)
    executions = int(counts[-1]) if counts else 0
    total = _count(name, executions)
    held = done.returncode == 0 and executions > 0
    print(f"{name}: {executions:,} executions, {total:,} in all", flush=True)
    if not held:
        print("\n".join((done.stdout + done.stderr).splitlines()[-15:]))
    return held


def _count(name: str, executions: int) -> int:
    """Add to the executions of a target; return all of it."""
    PLACE.mkdir(exist_ok=True)
    path = PLACE / "executions.json"
    counts: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    counts[name] = counts.get(name, 0) + executions
    path.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")
    return counts[name]


def main() -> int:
    """Parse the command line, and run."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="fuzz parsers with atheris")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--all", action="store_true", help="run all targets, one after the other")
    parser.add_argument("--runs", type=int, default=-1, help="executions of each target")
    parser.add_argument("--seconds", type=int, default=-1, help="seconds for each target")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = list(TARGETS) if options.all else options.names
    if not names or set(names) - set(TARGETS):
        parser.error(f"name targets, or use --all; there are {', '.join(TARGETS)}")
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install --group fuzz")
    runs, seconds = options.runs, options.seconds
    if (runs, seconds) == (-1, -1):
        seconds = 60
    if options.here:
        fuzz(names[0], runs, seconds)
    limits = [f"--runs={runs}", f"--seconds={seconds}"]
    held = [observe(name, limits) for name in names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
