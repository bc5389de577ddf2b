"""The web page and the WebSocket: HTTP around `guacr.access.gateway`."""
