"""Fixtures of the runtime's tests: the workers use the application's database."""

from tests.runtime.conftest import application_database, database, database_settings, migrated, migrated_databases

__all__ = ["application_database", "database", "database_settings", "migrated", "migrated_databases"]
