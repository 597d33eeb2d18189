"""The one exception of the provider's inside."""


class ProblemError(Exception):
    """What is wrong with one resource, in one sentence. The provider adds the resource's name to it."""
