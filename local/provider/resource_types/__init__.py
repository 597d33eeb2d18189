"""The model of a resource type: its API calls, its inputs, and how its outputs follow from the responses."""
