"""The operations of messages between processes, with their fields."""

import signal

READY = "ready"
"""A zygote can fork; a worker serves clients, with a descriptor of the text that `TRACE` writes."""
FAILED = "failed"
"""A zygote or a worker cannot start: `reason`."""
FORK = "fork"
"""Fork a worker: `number`, and whether it is the `first` one of its generation, which checks the
settings; with its end of the channel."""
FORKED = "forked"
"""A worker runs: `number` and `pid`, with a descriptor of the process; or `error`."""
CLIENT = "client"
"""Serve a client: its `lease`, the `port`, `tls`, `moves`, and the `address`, `names` (in its
certificate) and `secure` of one that is relayed; with the socket, and what was read from it."""
LEASES = "leases"
"""The state of clients has changed: the leases of those `taken`, `settled` and `left`."""
MOVE = "move"
"""A client has to go to another worker: its `lease`, `to`, the `port`, `address`, `names` and
`secure`; with the socket, and what was read from it."""
PING, PONG = "ping", "pong"
"""A ping has the `reason` why the daemon is not ready; the answer says how many `sessions` and
`tubes` there are."""
DRAIN = "drain"
"""End after the last session."""
STOP = "stop"
"""End now, in order."""
EVENT = "event"
"""An `event` for operators, after the request `watch`."""
SAMPLE = "sample"
"""The last `sample` of the metrics of a worker that ends."""
ENDING = "ending"
"""A worker ends by itself: it takes no more clients."""
TRACE = signal.SIGUSR2
"""Not a message, because it is for a worker that reads none: it writes where it is."""
WARNINGS = "warnings"
"""A request: what the settings of the worker ask for in vain, a list of sentences."""
REFUSED = "refused"
"""The front has refused a client: `peer` and `reason`, for the audit log."""
