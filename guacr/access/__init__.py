"""The connections that a browser may open: queries, tokens, and the gateway that checks them."""
