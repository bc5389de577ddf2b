"""The daemon's service: browsers reach sessions through tubes."""
