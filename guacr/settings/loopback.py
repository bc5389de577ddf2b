"""The addresses that only this machine can reach."""

from ipaddress import ip_address

LOOPBACK = ("127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Return whether `host` is loopback; the only name that counts is `localhost`."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"
