"""A new provider for each test, on the shared emulator."""

import warnings
from collections.abc import Iterator

import pytest

from local.account import LocalAccount
from local.provider.provider import LocalProvider
from local.provider.resource_types.pulumi_classes import resource_class
from local.provider.services import TABLE

# pulumi-aws marks some of its own classes as deprecated while it defines them, which we cannot change.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    for token in TABLE:
        resource_class(token)


@pytest.fixture
def provider(account: LocalAccount) -> Iterator[LocalProvider]:
    yield LocalProvider(account, {})
