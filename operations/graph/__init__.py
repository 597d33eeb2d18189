"""Resource graphs of the environments, recorded without AWS, and their diagrams."""
