"""Start, stop and inspection of local platforms."""
