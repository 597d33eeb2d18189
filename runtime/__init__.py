"""The API and the parts of it that the workers share. Independent of Pulumi."""
