"""A server that speaks TDS and answers as SQL Server does, of which none can be had for tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pysqlbridge.catalog import load
from pysqlbridge.certificate import Certificate
from pysqlbridge.logins import Login, LoginStore
from pysqlbridge.server import start_background

from tests.support.certificates import Authority
from tests.support.sql_servers import PASSWORD, Server

ROWS = 5000
PEOPLE = "id,name,score\n1,Ada Lovelace,99.5\n2,山田 花子,\n"


@contextmanager
def tds_server(authority: Authority, host: str = "127.0.0.1") -> Iterator[Server]:
    """The parameters that name it. Its database has the tables people and numbers."""
    directory = Path(tempfile.mkdtemp(prefix="guacr-tds-"))
    (directory / "people.csv").write_text(PEOPLE)
    (directory / "numbers.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(ROWS)))
    config = directory / "tables.json"
    config.write_text('{"tables": [{"csv": "people.csv"}, {"csv": "numbers.csv"}]}')
    pair = authority.issue("server")
    server, thread = start_background(
        host,
        certificate=Certificate(pair.certificate.encode(), pair.key.encode()),
        query_handler=load(config).answer,
        logins=LoginStore([Login("reader", PASSWORD, hashed=False)]),
    )
    try:
        yield {"hostname": host, "port": str(server.address[1]), "username": "reader"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        shutil.rmtree(directory)
