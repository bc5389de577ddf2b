"""Fuzzes texts that people supply: guacd.conf, kubeconfig, colours, pins, hardware addresses. They
are refused with a sentence, whatever they contain."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from guacr.errors import GuacrError
from guacr.settings import guacd_conf
from handlers.kubernetes.kubeconfig import applied
from handlers.kubernetes.params import KubernetesParams
from handlers.pins import parse_pins
from handlers.wake import parse_mac
from terminal.drawing.colour_notation import parse_colour
from terminal.drawing.colours import parse_scheme
from tests.fuzz.driver import main

NONE = KubernetesParams.parse({"pod": "p"})
SAMPLES = [
    b'[server]\nbind_host = ::1\nbind_port = "4822" # text\n[daemon]\nlog_level = debug\n',
    b'[ssl]\nserver_certificate = "a\\"b"\n#\n\n[ ssl ] # x\nserver_key = /k\n',
    b"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
    b"clusters: [{name: k, cluster: {server: 'https://h:6443/p'}}]\n"
    b"users:\n- name: u\n  user: {token: t}\n",
    b"a: &a [1]\nb: *a\nc: !!python/object:os.system x\n<<: *a\n",
    b"foreground: rgb:ff/00/8; background: color1; color255: #1234",
    b"rgbi:1.0/0.5/0",
    b"sha256:" + b"ab:" * 31 + b"ab, " + b"00" * 20,
    b"00:11:22:33:44:55",
    b"0011.2233.4455",
]


def one_input(data: bytes) -> None:
    """Use `data` as each of them."""
    text = data.decode(errors="replace")
    with contextlib.suppress(GuacrError):
        guacd_conf.parse(text)
    with contextlib.suppress(GuacrError):
        applied(replace(NONE, kubeconfig=text))
    with contextlib.suppress(GuacrError):
        assert len(parse_mac(text)) == 6
    with contextlib.suppress(GuacrError):
        parse_pins(text)
    parse_colour(text)
    parse_scheme(text)


if __name__ == "__main__":
    main(one_input, SAMPLES)
