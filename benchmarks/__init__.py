"""Benchmarks of the platform against comparable software: `python -m benchmarks` (docs/PERFORMANCE.md)."""
