"""The wire format of tubes, without I/O: frames, control messages, fragments."""
