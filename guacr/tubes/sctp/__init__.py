"""SCTP over DTLS with data channels, without I/O (RFC 9260, RFC 8261, RFC 8831, RFC 8832)."""

from guacr.tubes.sctp.association import Association, Limits
from guacr.tubes.sctp.channels import Channel, ChannelState

__all__ = ["Association", "Channel", "ChannelState", "Limits"]
