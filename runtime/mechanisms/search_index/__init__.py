"""The search index of episodes."""
