"""Journeys: scripted end-to-end flows through a running platform, as its users make them."""
