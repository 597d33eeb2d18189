"""What the platform costs, measured against what others cost: `python -m benchmarks` (docs/PERFORMANCE.md)."""
