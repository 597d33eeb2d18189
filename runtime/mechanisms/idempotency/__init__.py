"""Storage of responses to requests with an Idempotency-Key."""
