"""The search engine for tests that need the real one: installed on first need, where platforms find it too."""

from functools import cache

import pytest

from local.compute.opensearch.installation import (
    OpenSearchInstallation,
    OpenSearchMissingError,
    OpenSearchProgram,
)


@cache
def _provided() -> OpenSearchProgram | str:
    try:
        return OpenSearchInstallation().provide(lambda _: None)
    except OpenSearchMissingError as missing:
        return missing.message


def provided() -> OpenSearchProgram:
    """The program; skips the test, with the reason, on a machine that cannot have it."""
    program = _provided()
    if isinstance(program, str):
        pytest.skip(program)
    return program
