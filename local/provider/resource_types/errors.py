"""The exception that the provider uses internally."""


class ResourceError(Exception):
    """A problem with one resource, in one sentence. The provider adds the resource's name and raises RegistrationError."""
