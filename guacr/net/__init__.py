"""Client connections: sockets, connection limits, and the handshake."""
