"""Versioned records with soft deletion, links, import and export."""
