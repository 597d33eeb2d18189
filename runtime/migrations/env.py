"""What Alembic runs for every command: the revisions, each in a transaction of its own, on the connection it is handed."""

from alembic import context

settings = context.config.attributes
context.configure(
    connection=settings["connection"],
    transaction_per_migration=True,
    on_version_apply=lambda step, **_: settings["steps"].append(step),
)
with context.begin_transaction():
    context.run_migrations()
