"""The page at the WebSocket's port: HTTP around `guacr.gateway`."""
