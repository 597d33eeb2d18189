"""The fixtures of the runtime's tests serve here too: a worker's database is the application's."""

from tests.runtime.conftest import application_database, database, database_settings, migrated, migrated_databases

__all__ = ["application_database", "database", "database_settings", "migrated", "migrated_databases"]
