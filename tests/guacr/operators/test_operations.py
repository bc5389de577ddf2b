"""The actions of operators, apart from the interfaces."""

from __future__ import annotations

import time

from guacr.access.keys import ProcessKeys
from guacr.access.operator_tokens import ALL_RIGHTS
from guacr.control.local import LocalControl
from guacr.operators.authority import Operator
from guacr.operators.operations import Operations
from guacr.settings.models import Settings
from tests.support.loopback import Bench


async def test_streams_end_with_the_rights_of_their_readers() -> None:
    bench = Bench()
    operations = Operations(LocalControl(bench.registry), Settings(), ProcessKeys.generate())
    for expires in (0.0, time.time() + 0.05):
        operator = Operator("ann", ALL_RIGHTS, "10.0.0.1", expires)
        async with operations.events(operator) as events:
            await anext(events)
        assert not bench.registry.events._subscriptions
    await bench.close()
