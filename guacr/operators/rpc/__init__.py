"""The interface for operators over gRPC (needs guacr[grpc])."""

import os

# gRPC writes about peers to standard error, such as failed handshakes, in lines of its own format.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
