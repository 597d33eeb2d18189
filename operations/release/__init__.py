"""Release bundles: one zip for each function and one for the container image."""
