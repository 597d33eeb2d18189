"""The closed sets of a job, as the table's CHECK constraints name them. Workers load them without any schema."""

from enum import StrEnum


class JobType(StrEnum):
    """What a job does. Thumbnails have a worker; jobs of the other types can be stored, and nothing executes them yet."""

    THUMBNAIL_GENERATION = "thumbnail_generation"
    METADATA_EXTRACTION = "metadata_extraction"
    TRANSCODING = "transcoding"


class JobStatus(StrEnum):
    """A job's status.

    `completed` is final; `failed` is until the job is retried: by an administrator, or by a redrive of its message after a
    transient error.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
