"""The real OpenSearch for tests: installed on first use, in the cache that platforms use."""

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
    """Return the program, or skip the test with the reason why it cannot be installed."""
    program = _provided()
    if isinstance(program, str):
        pytest.skip(program)
    return program
