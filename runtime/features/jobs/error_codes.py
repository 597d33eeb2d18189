"""Why a job failed, where more than one part of the platform has to say it."""

# No worker finished the job, often enough.
ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
# The uploaded file is no longer there.
SOURCE_MISSING = "SOURCE_MISSING"
