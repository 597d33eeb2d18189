"""A module that imports a package that is not installed."""

import a_package_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401 - it is imported to fail
