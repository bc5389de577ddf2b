import pytest

from guacr import addresses


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("192.0.2.1", 4822), "192.0.2.1:4822"),
        (("::1", 4822, 0, 0), "[::1]:4822"),
        (("fe80::1%eth0", 4822, 0, 2), "[fe80::1%eth0]:4822"),
        (("::ffff:192.0.2.1", 4822, 0, 0), "192.0.2.1:4822"),
        (("::ffff:0:1", 4822, 0, 0), "[::ffff:0:1]:4822"),
        ("", "a Unix socket"),
        (None, "a Unix socket"),
    ],
)
def test_the_other_end_of_a_connection(name: object, text: str) -> None:
    assert addresses.described(name) == text
