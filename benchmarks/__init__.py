"""Measures the service against its targets; `python -m benchmarks --help`, and README.md."""
