"""Jobs that transcode a video can be stored. No worker does them yet, and no route makes them."""

from alembic import op

revision = "0011"
down_revision = "0010"

# The new list holds every row there is; they are looked through afterwards, while others write.
UP = """
ALTER TABLE processing_queue
    DROP CONSTRAINT processing_queue_job_type_check,
    ADD CONSTRAINT processing_queue_job_type_check
        CHECK (job_type IN ('thumbnail_generation', 'metadata_extraction', 'transcoding')) NOT VALID;
"""

# Jobs that the old list does not know stay as they are.
DOWN = """
ALTER TABLE processing_queue
    DROP CONSTRAINT processing_queue_job_type_check,
    ADD CONSTRAINT processing_queue_job_type_check
        CHECK (job_type IN ('thumbnail_generation', 'metadata_extraction')) NOT VALID;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)
    # A migrator that is killed here begins this revision anew, and finds a constraint of that name to replace.
    with op.get_context().autocommit_block():
        op.get_bind().exec_driver_sql("SET statement_timeout = 0")
        op.get_bind().exec_driver_sql(
            "ALTER TABLE processing_queue VALIDATE CONSTRAINT processing_queue_job_type_check"
        )
        op.get_bind().exec_driver_sql("RESET statement_timeout")


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
