"""ICE: the datagrams of a peer connection over the best pair of addresses that works."""
