"""API Gateway: HTTP APIs."""
