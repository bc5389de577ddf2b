"""WebRTC for data channels."""
