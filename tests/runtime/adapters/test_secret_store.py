"""Secrets in a real store."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.adapters import aws_clients
from runtime.adapters.secret_store import SecretStore
from runtime.errors import UnavailableError


@pytest.fixture
def store(account: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    aws_clients.get_client.cache_clear()
    yield SecretStore("us-east-1")
    aws_clients.get_client.cache_clear()


@pytest.fixture
def arn(account: Any) -> Any:
    return account.client("secretsmanager").create_secret(Name=f"secret-{secrets.token_hex(4)}")["ARN"]


def test_value_is_none_until_it_is_written(store: Any, arn: Any) -> None:
    assert store.read(arn) is None
    store.write(arn, {"host": "127.0.0.1", "port": 5432})
    assert store.read(arn) == {"host": "127.0.0.1", "port": 5432}


def test_secret_that_is_not_there_cannot_be_written(store: Any) -> None:
    with pytest.raises(UnavailableError):
        store.write("arn:aws:secretsmanager:us-east-1:123456789012:secret:none-abcdef", {})


def test_store_that_does_not_answer_is_unavailable(store: Any, arn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    aws_clients.get_client.cache_clear()
    with pytest.raises(UnavailableError):
        store.read(arn)
