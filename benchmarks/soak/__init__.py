"""Sessions of all protocols that come and go for an hour, while faults are injected: does anything
grow, and is anything lost that no fault explains?

`python -m benchmarks soak --minutes 60 --sessions 500` starts the servers and the daemon. As root,
all of it runs in namespaces of its own (network, files, processes), so that nothing is left; for
others, faults that need root are left out.
"""
