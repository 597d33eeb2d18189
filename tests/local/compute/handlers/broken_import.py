"""A module that needs what is not installed."""

import a_package_that_nobody_has  # noqa: F401 - it is imported to fail
