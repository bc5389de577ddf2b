"""Pictures of the database consoles in guacr's page, in Chromium.

    python -m tests.browser.consoles [directory]

Takes chromium-headless-shell, postgresql, mariadb-server and redis-server; each is started for it.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tests.browser.visit import connected, see, sessions
from tests.support.browser import Browser, Page, Window, chromium
from tests.support.redis_server import redis_server
from tests.support.site import Site, running_site
from tests.support.sql_servers import Server, mariadb, postgresql
from tests.support.waiting import until

TARGET = Path(__file__).parents[2] / "docs" / "pictures" / "consoles"
WINDOW = Window(width=1040, height=780, dark=True)
COLOURS = 64
"""Of the palette that pictures are kept in."""


class Step(NamedTuple):
    """A text to type, and a text that the screen shows only afterwards."""

    typed: str
    sign: str


VISITS = {
    "postgresql": (
        Step(
            "select 1.50::numeric as n, interval '1 day 2 hours' as i, array[1,2,null] as a,"
            """ '{"k": "v"}'::jsonb as j, '\\xdeadbeef'::bytea as b, null as void;\n""",
            "(1 row)",
        ),
        Step("begin; selct 1;\n", "LINE 1"),
        Step("rollback;\n", "ROLLBACK"),
        Step("\\l\n", "(3 rows)"),
        Step("select datname, datdba from pg_da", "pg_database  table"),
    ),
    "mariadb": (
        Step("create database shop; use shop;\n", "shop>"),
        Step(
            "create table orders (id int primary key, city varchar(20),"
            " total decimal(8,2), index (city));\n",
            "Query OK",
        ),
        Step("insert into orders values (1, 'Lagos', 12.5), (2, 'Quito', null);\n", "2 rows"),
        Step("select *, total / 0 as rate from orders;\n", "Division by 0"),
        Step("\\d orders\n", "PRIMARY"),
        Step("select city, total from ord", "orders  table"),
    ),
    "redis": (
        Step("hset city:1 name Lagos people 15388000\n", "(integer) 2"),
        Step("hgetall city:1\n", '"people"'),
        Step("multi\n", "(TX)"),
        Step("incr visits\n", "QUEUED"),
        Step("exec\n", "(integer) 1"),
        Step("lpush city:1 x\n", "WRONGTYPE"),
        Step("\\d city:1\n", "hash"),
        Step("geo", "geopos"),
    ),
    "sqlite": (
        Step("\\d customers\n", "since"),
        Step("select id, name, city from customers where id in (3, 4, 6);\n", "(3 rows)"),
        Step("select * from orders where note is not null limit 1 \\gx\n", "neighbours"),
        Step("select month, total from rev", "revenue  table"),
    ),
}
"""By the name of the picture."""


async def picture(browser: Browser, site: Site, name: str) -> Image.Image:
    """A console after its visit."""
    page = await browser.page(WINDOW)
    await connected(page, site, f"connection={name}")
    await see(site, "for help")
    for step in VISITS[name]:
        await page.type(step.typed)
        await see(site, step.sign)
    taken = await settled(page)
    await page.close()
    await until(lambda: not sessions(site), "the session's end")
    return taken.quantize(COLOURS, dither=Image.Dither.NONE)


async def settled(page: Page) -> Image.Image:
    """The page without its handle."""
    await page.run("document.querySelector('#bar-toggle').hidden = true")
    return Image.open(BytesIO(await page.screenshot())).convert("RGB")


async def main(target: Path) -> None:
    """Make them in a directory."""
    with ExitStack() as servers:
        parameters: dict[str, Server] = {
            "postgresql": servers.enter_context(postgresql()),
            "mariadb": servers.enter_context(mariadb()),
            "redis": servers.enter_context(redis_server()),
            "sqlite": {"database": ":sample:"},
        }
        connections = {
            name: {
                "protocol": name.replace("mariadb", "mysql"),
                "parameters": {key: text for key, text in given.items() if key != "socket"},
            }
            for name, given in parameters.items()
        }
        async with chromium() as browser, running_site(connections=connections) as site:
            for name in VISITS:
                taken = await picture(browser, site, name)
                taken.save(target / f"{name}.png", optimize=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
