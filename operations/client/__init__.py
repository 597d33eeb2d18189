"""Clients of a running platform: HTTP API, access tokens, remote platforms, import and export."""
