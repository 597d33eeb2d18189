"""A new provider for each test, on the shared emulator."""

import itertools
import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest

from local.account import LocalAccount
from local.provider.provider import Created, LocalProvider
from local.provider.resource_types.pulumi_classes import resource_class
from local.provider.services import TABLE

# pulumi-aws marks some of its own classes as deprecated while it defines them, which we cannot change.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    for token in TABLE:
        resource_class(token)

_URNS = itertools.count(1)


@pytest.fixture
def provider(account: LocalAccount) -> LocalProvider:
    return LocalProvider(account, {})


@pytest.fixture
def create(provider: LocalProvider) -> Callable[..., Created]:
    """Return a function that creates one resource: `create(type, name, **inputs)`."""

    def call(type_: str, name: str, /, **inputs: object) -> Created:
        urn = f"urn:pulumi:dev::tests::{type_}::{name}-{next(_URNS)}"
        return provider.create(urn=urn, type=type_, name=name, inputs=inputs)

    return call


@pytest.fixture
def other_region(account: LocalAccount) -> LocalAccount:
    """The same account in another region."""
    return replace(account, region="eu-west-1", _clients={})
