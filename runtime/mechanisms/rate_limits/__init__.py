"""Rate limiters that several processes share."""
