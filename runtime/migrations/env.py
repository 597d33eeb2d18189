"""Alembic's environment script: run each revision in its own transaction, on the connection from the configuration."""

from alembic import context

settings = context.config.attributes
context.configure(
    connection=settings["connection"],
    transaction_per_migration=True,
    on_version_apply=lambda step, **_: settings["steps"].append(step),
)
with context.begin_transaction():
    context.run_migrations()
