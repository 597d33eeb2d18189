"""The fixtures of the runtime's tests serve here too: a worker's database is the application's."""

from tests.runtime.conftest import application_database, database_settings, migrated, templates

__all__ = ["application_database", "database_settings", "migrated", "templates"]
