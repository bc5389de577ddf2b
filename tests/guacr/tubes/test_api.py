from __future__ import annotations

import pytest

import guacr.tubes
from guacr.tubes import api


def test_the_package_has_the_names_of_the_interface() -> None:
    for name in api.__all__:
        assert getattr(guacr.tubes, name) is getattr(api, name)


@pytest.mark.parametrize("name", ["nothing", "_private"])
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(guacr.tubes, name)
