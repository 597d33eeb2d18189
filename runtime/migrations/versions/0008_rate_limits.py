"""What each caller has left of what a caller may ask."""

from alembic import op

revision = "0008"
down_revision = "0007"

UP = """
-- A row per caller: when everything spent will have come back. One that is full again says nothing, and maintenance deletes it.
-- UNLOGGED, because a commit then waits for no disk; after a crash of the server the table is empty and everybody starts full.
-- No index but the key and free room on each page, so that an update stays on its page and touches no index.
CREATE UNLOGGED TABLE rate_limits (
    user_id uuid PRIMARY KEY,
    full_at timestamptz NOT NULL
) WITH (fillfactor = 50);
"""

DOWN = """
DROP TABLE rate_limits;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
