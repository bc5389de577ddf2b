"""Tubes: WebRTC peer connections that carry many numbered connections."""
