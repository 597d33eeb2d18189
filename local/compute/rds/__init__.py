"""RDS: Postgres instances."""
