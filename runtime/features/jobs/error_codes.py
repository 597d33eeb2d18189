"""Error codes of failed jobs that more than one part of the platform sets."""

# No worker finished the job within its attempts.
ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
# The uploaded file no longer exists.
SOURCE_MISSING = "SOURCE_MISSING"
