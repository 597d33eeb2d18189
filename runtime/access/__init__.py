"""Authentication, authorization and rate limits of callers."""
