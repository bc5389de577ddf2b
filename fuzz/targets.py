"""The targets, and the parsers that each of them runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A module of `tests.fuzz`."""

    parsers: tuple[str, ...]
    """Modules, or packages with all that they contain."""
    count: int
    """Inputs for the test suite."""


TARGETS: Mapping[str, Target] = {
    "characters": Target(("handlers.terminal.hosttext", "terminal.text.charset"), 100),
    "clipboards": Target(
        ("guacr.protocol.clipboard", "handlers.clipboard.html", "handlers.clipboard.images"), 300
    ),
    "conversation": Target(
        (
            "guacr.tubes.connections.connection",
            "guacr.tubes.connections.handler",
            "guacr.tubes.connections.opening",
            "guacr.tubes.conversation",
            "guacr.tubes.inlet",
        ),
        500,
    ),
    "databases": Target(
        (
            "handlers.database.console.commands",
            "handlers.database.mongodb.commands",
            "handlers.database.mongodb.values",
            "handlers.database.redis.resp",
            "handlers.database.redis.text",
            "handlers.database.sql.splitter",
        ),
        300,
    ),
    "dtls": Target(("guacr.tubes.rtc.dtls.connection", "guacr.tubes.rtc.dtls.records"), 200),
    "guacd": Target(("guacr.tubes.guacamole.connect", "guacr.tubes.guacamole.splitter"), 400),
    "handshake": Target(("guacr.protocol.handshake",), 2000),
    "images": Target(("guacr.display.encoded", "guacr.display.jpeg", "guacr.display.png"), 2000),
    "journal": Target(
        (
            "guacr.journal.encoding",
            "guacr.journal.manifest",
            "guacr.journal.records",
            "guacr.journal.segments",
        ),
        2000,
    ),
    "kubernetes": Target(("handlers.kubernetes.channels", "handlers.kubernetes.listing"), 300),
    "parser": Target(("guacr.protocol.parser",), 2000),
    "processes": Target(("guacr.workers.wire",), 300),
    "queries": Target(
        (
            "guacr.access.query",
            "guacr.json_text",
            "guacr.operators.filters",
            "guacr.protocol.audio",
            "guacr.session.params",
            "guacr.tubes.service.messages",
            "guacr.web.forwarded",
        ),
        300,
    ),
    "rdp_answers": Target(
        ("handlers.rdp.freerdp.touch_pdus", "handlers.rdp.negotiation", "handlers.vnc.pulse"), 300
    ),
    "rdp_channel": Target(("handlers.rdp.channel", "handlers.rdp.desktop"), 1000),
    "rdp_clipboard": Target(("handlers.rdp.clipboard",), 300),
    "rdp_devices": Target(("handlers.rdp.devices",), 300),
    "rdp_gateway": Target(
        (
            "handlers.rdp.gateway.frames",
            "handlers.rdp.gateway.http",
            "handlers.rdp.gateway.packets",
            "handlers.rdp.gateway.tunnel",
        ),
        1000,
    ),
    "rdp_server": Target(("handlers.rdp.aardwolf",), 500),
    "recordings": Target(
        (
            "guacr.recording.index",
            "guacr.recording.keylog",
            "guacr.recording.scan",
            "guacr.recording.search",
            "guacr.recording.ttyrec",
        ),
        300,
    ),
    "rfb": Target(("handlers.vnc.rfb",), 200),
    "rfb_rects": Target(("handlers.vnc.rfb.encodings", "handlers.vnc.rfb.inflater"), 500),
    "sctp": Target(("guacr.tubes.sctp",), 500),
    "sdp": Target(("guacr.tubes.rtc.sdp",), 1000),
    "settings": Target(
        (
            "guacr.settings.guacd_conf",
            "handlers.kubernetes.kubeconfig",
            "handlers.pins",
            "handlers.wake",
            "terminal.drawing.colour_notation",
            "terminal.drawing.colours",
        ),
        200,
    ),
    "sftp": Target(("handlers.sftp.names", "handlers.sftp.wire"), 2000),
    "ssh_texts": Target(
        (
            "handlers.ssh.agent",
            "handlers.ssh.armour",
            "handlers.ssh.host_keys",
            "handlers.ssh.key_texts",
            "handlers.ssh.negotiation",
        ),
        100,
    ),
    "telnet": Target(("handlers.telnet.machine",), 2000),
    "telnet_output": Target(("handlers.telnet.inflation", "handlers.telnet.login"), 300),
    "terminals": Target(("terminal.engines",), 100),
    "tokens": Target(
        ("guacr.access.guacamole_lite", "guacr.access.operator_tokens", "guacr.access.tokens"), 300
    ),
    "tube_peers": Target(
        (
            "guacr.tubes.connections.allow",
            "guacr.tubes.connections.socks",
            "guacr.tubes.guacamole.connect_as",
            "guacr.tubes.rtc.ice.candidates",
            "guacr.tubes.rtc.ice.mdns",
        ),
        200,
    ),
    "tubes": Target(("guacr.tubes.wire",), 2000),
}
"""By the name of the module."""

OTHERS: Mapping[str, str] = (
    dict.fromkeys(
        (
            "guacr.cli.healthcheck",
            "guacr.net.service",
            "guacr.operators.rest",
            "guacr.operators.rpc.messages",
            "guacr.session.input.opcodes",
            "guacr.session.streams.transfers",
            "guacr.tubes.connections.socks_client",
            "guacr.tubes.connections.udp_association",
            "guacr.tubes.connections.udp_relay",
            "guacr.tubes.guacamole.client_connection",
            "guacr.tubes.inflow",
            "guacr.tubes.rtc.dtls.driver",
            "guacr.tubes.rtc.ice.agent",
            "guacr.tubes.rtc.sctp_driver",
            "guacr.tubes.service.browser_connection",
            "guacr.web.app",
            "handlers.database.console.console",
            "handlers.database.console.keyboard",
            "handlers.rdp.gateway.websocket",
            "handlers.rdp.host_channel",
            "handlers.ssh.leniency",
            "handlers.terminal.handler",
            "handlers.terminal.page_channel",
            "handlers.vnc.clipboard",
            "terminal.terminal",
        ),
        "does I/O, or only passes bytes on to parsers that have a target",
    )
    | dict.fromkeys(
        (
            "guacr.recording.locks",
            "guacr.transport.tcp",
            "guacr.operators.identify",
            "guacr.tubes.connections.tcp",
            "handlers.link",
            "handlers.rdp.launcher",
        ),
        "reads what the kernel or the daemon's own process wrote",
    )
    | dict.fromkeys(
        (
            "guacr.acme.client",
            "guacr.acme.store",
            "guacr.control.client",
            "guacr.settings.configuration",
            "guacr.tubes.compat.dictionary",
            "handlers.rdp.keyboard.layout",
            "terminal.drawing.fonts",
        ),
        "reads what the operator trusts: settings, own files, the own daemon, the ACME server",
    )
    | dict.fromkeys(
        (
            "guacr.session.streams.opus_stream",
            "guacr.session.streams.resampler",
            "handlers.rdp.keyboard.pressed",
            "terminal.drawing.atlas",
            "terminal.drawing.surface",
        ),
        "computes with values that were parsed elsewhere; nothing can be invalid",
    )
    | dict.fromkeys(
        ("guacr.testing.canvas", "guacr.testing.streams", "guacr.testing.wire"),
        "is part of the test client",
    )
    | {
        "guacr.tubes.rtc.ice.relays": "its frames of TURN over TCP are short; aioice parses them",
    }
)
"""Modules that look like parsers, and why no target runs them."""
