"""Transactions, pagination and SQL helpers."""
