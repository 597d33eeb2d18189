"""Job types and statuses, as in the table's CHECK constraints. Workers load them without any schema."""

from enum import StrEnum


class JobType(StrEnum):
    """Type of a job. Only `thumbnail_generation` has a worker; jobs of the other types can be stored but are not executed."""

    THUMBNAIL_GENERATION = "thumbnail_generation"
    METADATA_EXTRACTION = "metadata_extraction"
    TRANSCODING = "transcoding"


class JobStatus(StrEnum):
    """Status of a job.

    `completed` is final. `failed` is final unless the job is retried: by an administrator, or, after a transient error, by a
    redrive of its message.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
