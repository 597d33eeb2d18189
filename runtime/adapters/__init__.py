"""Clients of external services: one module per service."""
