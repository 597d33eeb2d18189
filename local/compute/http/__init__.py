"""HTTP servers and ASGI types that several services share."""
