"""Requests to AWS APIs: mapping inputs to members, validating against the service models, calling."""
