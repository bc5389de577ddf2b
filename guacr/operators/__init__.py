"""The interfaces for operators: HTTP, gRPC, and who may use them."""
