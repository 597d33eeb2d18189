"""Route 53: alias records."""
