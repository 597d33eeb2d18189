"""Functions that all features share, such as records, audit, outbox and idempotency."""
