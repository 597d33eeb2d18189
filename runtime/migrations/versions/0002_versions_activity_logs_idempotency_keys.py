"""Versions of shows and episodes, the log of what users did, and the answers that a repeated request gets."""

from alembic import op

revision = "0002"
down_revision = "0001"

UP = """
-- The API's entity tags are made of a row's version. The database counts, so that no writer can forget to.
CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END;
$$;

ALTER TABLE shows ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE episodes ADD COLUMN version bigint NOT NULL DEFAULT 1;
CREATE TRIGGER shows_version BEFORE UPDATE ON shows FOR EACH ROW EXECUTE FUNCTION count_version();
CREATE TRIGGER episodes_version BEFORE UPDATE ON episodes FOR EACH ROW EXECUTE FUNCTION count_version();

-- Who did what, from where. Rows come with the transaction that they tell of, and stay as they are.
CREATE TABLE activity_logs (
    activity_log_id uuid PRIMARY KEY DEFAULT uuidv7(),
    user_id         varchar(255) NOT NULL,
    action_type     varchar(50) NOT NULL
                    CONSTRAINT activity_logs_action_type_check CHECK (action_type IN (
                        'view', 'edit', 'delete', 'download', 'create', 'restore', 'upload')),
    resource_type   varchar(50) NOT NULL
                    CONSTRAINT activity_logs_resource_type_check CHECK (resource_type IN (
                        'episode', 'thumbnail', 'metadata', 'show', 'upload')),
    resource_id     text NOT NULL,
    old_values      jsonb,
    new_values      jsonb,
    ip_address      varchar(45),
    user_agent      text,
    "timestamp"     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_activity_logs_user ON activity_logs (user_id, "timestamp");
CREATE INDEX idx_activity_logs_resource ON activity_logs (resource_type, resource_id);
CREATE INDEX idx_activity_logs_action_type ON activity_logs (action_type);

-- Holds for every role, the owner included, and also for a statement that would touch no row.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END;
$$;
CREATE TRIGGER activity_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_logs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- With the rights of whoever reads it: otherwise the view would lend its owner's to everyone.
CREATE VIEW audit_log WITH (security_invoker = true) AS
SELECT activity_log_id, user_id, action_type, resource_type, resource_id, old_values, new_values, ip_address, user_agent,
       "timestamp"
FROM activity_logs;

-- The first answer to a request that carried an Idempotency-Key. A request is settled when also everything is done that
-- had to wait for its commit; until then repeating it runs it again.
CREATE TABLE idempotency_keys (
    user_id         uuid NOT NULL,
    idempotency_key varchar(255) NOT NULL,
    request_hash    char(64) NOT NULL,
    status_code     smallint NOT NULL,
    headers         jsonb NOT NULL,
    body            text NOT NULL,
    is_settled      boolean NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, idempotency_key)
);
CREATE INDEX idx_idempotency_keys_created_at ON idempotency_keys (created_at);
"""

DOWN = """
DROP TABLE idempotency_keys;
DROP VIEW audit_log;
DROP TABLE activity_logs;
DROP FUNCTION refuse_change();
DROP TRIGGER episodes_version ON episodes;
DROP TRIGGER shows_version ON shows;
ALTER TABLE episodes DROP COLUMN version;
ALTER TABLE shows DROP COLUMN version;
DROP FUNCTION count_version();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(UP)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(DOWN)
