"""moto's server, which answers as S3 does, as a process."""

from __future__ import annotations

import http.client
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.require import missing
from tests.support.server_process import end
from tests.support.waiting import POLL, free_port, listens

BUCKET = "bucket"
OPTIONS = {"access_key_id": "guacr", "secret_access_key": "secret", "region": "us-east-1"}
START_TIMEOUT = 60.0


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server with `BUCKET`; yield its address."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("obstore") is None:
        missing("moto or obstore is not installed")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_TIMEOUT
            while not listens(port):
                assert time.monotonic() < deadline, "moto does not start"
                time.sleep(POLL)
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            client.request("PUT", f"/{BUCKET}")
            assert client.getresponse().status == 200
            client.close()
            yield f"http://127.0.0.1:{port}"
        finally:
            end(process)
