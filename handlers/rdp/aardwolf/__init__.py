"""The engine that needs no system library: aardwolf's parts of the RDP protocol, with a connection
of our own.

aardwolf's `RDPConnection` is not used. Nearly each of its steps would have to be replaced through
private names: it does not get through the connection sequence of xrdp or weston, draws only bitmaps
of the fast path, has no pointers, reads no layout of the keyboard, and queues without limits.
"""
