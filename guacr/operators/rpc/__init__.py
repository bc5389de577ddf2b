"""The interface for operators over gRPC (needs guacr[grpc])."""
