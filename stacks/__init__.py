"""The Pulumi program: which resources exist in which environment."""
