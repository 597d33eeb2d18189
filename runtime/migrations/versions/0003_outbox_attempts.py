"""When a message of the outbox may be sent, and why it was not."""

from alembic import op

revision = "0003"
down_revision = "0002"

UP = """
-- Whoever writes a message is given until `not_before` to send it; after that it is the relay's. Every attempt moves the
-- time on, so that no two senders have the same message, and nothing has to be held open while it is sent.
ALTER TABLE outbox
    ADD COLUMN not_before  timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN last_error  text,
    ADD COLUMN given_up_at timestamptz,
    ADD CONSTRAINT outbox_ended_once_check CHECK (sent_at IS NULL OR given_up_at IS NULL);
DROP INDEX idx_outbox_unsent;
CREATE INDEX idx_outbox_due ON outbox (not_before) WHERE sent_at IS NULL AND given_up_at IS NULL;
CREATE INDEX idx_outbox_sent ON outbox (sent_at) WHERE sent_at IS NOT NULL;

-- What follows a commit is the outbox's business now, so every stored answer is final. The column stays for the release
-- before this one, which still writes it.
ALTER TABLE idempotency_keys ALTER COLUMN is_settled SET DEFAULT true;
"""

DOWN = """
ALTER TABLE idempotency_keys ALTER COLUMN is_settled DROP DEFAULT;
DROP INDEX idx_outbox_sent;
DROP INDEX idx_outbox_due;
CREATE INDEX idx_outbox_unsent ON outbox (outbox_id) WHERE sent_at IS NULL;
ALTER TABLE outbox
    DROP CONSTRAINT outbox_ended_once_check,
    DROP COLUMN given_up_at,
    DROP COLUMN last_error,
    DROP COLUMN not_before;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
