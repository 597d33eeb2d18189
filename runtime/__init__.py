"""What answers requests, and the parts of it that workers share. It knows nothing of Pulumi."""
