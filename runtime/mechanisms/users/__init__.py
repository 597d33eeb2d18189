"""The users known to the API."""
