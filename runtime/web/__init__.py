"""The parts of the API that depend on the web framework."""
