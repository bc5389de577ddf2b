"""What is timed, never asserted on time: `python -m benchmarks [NAME …]`."""
