"""Timings, without assertions on time: `python -m benchmarks [NAME …]`."""
