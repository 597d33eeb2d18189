"""A module that cannot be executed."""

raise RuntimeError("no database")
