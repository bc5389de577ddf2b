"""Build the wheel, install it into a fresh environment outside the tree, and run it there."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 30.0
"""Seconds until the daemon must answer."""
STOP_TIMEOUT = 15.0
"""Seconds until it must have ended after SIGTERM."""
POLL = 0.1


def main() -> None:
    """Every step; the first that fails ends it with its own message."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        guacr = install(build(directory), directory / "venv")
        run(guacr, "--version", cwd=directory)
        run(guacr, "check-config", cwd=directory)
        run(str(Path(guacr).with_name("python")), "-c", "import guacr.testing", cwd=directory)
        serve(guacr, directory)


def build(directory: Path) -> Path:
    """Build the wheel by way of the source distribution; its path."""
    run(sys.executable, "-m", "build", "--outdir", str(directory), cwd=ROOT)
    (wheel,) = directory.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> str:
    """A fresh environment with the wheel in it; the path of its command."""
    venv.create(environment, with_pip=True)
    run(str(environment / "bin" / "pip"), "install", "--quiet", str(wheel), cwd=environment)
    return str(environment / "bin" / "guacr")


def serve(guacr: str, directory: Path) -> None:
    """Run the daemon on free ports until both answer, then end it."""
    ports = free_port(), free_port()
    flags = ["-b", "127.0.0.1", "-l", str(ports[0]), "--ws-port", str(ports[1]), "-f"]
    process = subprocess.Popen([guacr, "serve", *flags], cwd=directory)
    try:
        wait(process, lambda: answers_tcp(ports[0]))
        wait(process, lambda: answers_http(ports[1]))
        process.send_signal(signal.SIGTERM)
        status = process.wait(STOP_TIMEOUT)
    finally:
        process.kill()
        process.wait()
    if status != 0:
        sys.exit(f"guacr serve ended with status {status} after SIGTERM")
    print("guacr serve answered on both ports and ended with status 0")


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def answers_tcp(port: int) -> bool:
    """Return whether the port speaks the Guacamole protocol."""
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(b"6.select,8.testcard;")
        return connection.recv(6) == b"4.args"


def answers_http(port: int) -> bool:
    """Return whether the page's port is healthy and serves the page with its third-party parts."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        healthy: bool = answer.status == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return healthy and b"<html" in answer.read()


def wait(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds while the process runs."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"guacr serve ended with status {process.returncode}")
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(POLL)
    sys.exit(f"guacr serve did not answer within {START_TIMEOUT:.0f} s")


def run(*command: str, cwd: Path) -> None:
    """Run a command; what fails ends this one too."""
    print("$", " ".join(command), flush=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if subprocess.run(command, cwd=cwd, env=environment, check=False).returncode != 0:
        sys.exit(f"{command[0]} failed")


if __name__ == "__main__":
    main()
