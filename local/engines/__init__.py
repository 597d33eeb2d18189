"""Calls of the local provider: an in-process engine, and a recorder of the resource graph."""
