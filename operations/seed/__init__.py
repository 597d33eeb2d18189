"""Seeding: a curated catalogue through the API, and bulk data for load tests."""
