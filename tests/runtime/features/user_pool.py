"""A fake user pool: its keys, users, and signed tokens."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from runtime.access.tokens import machine_user_id
from tests.http_listener import Listener, QuietHandler

REGION = "us-east-1"
POOL_ID = "us-east-1_TestPool1"
ISSUER = f"https://cognito-idp.{REGION}.amazonaws.com/{POOL_ID}"
CLIENT_ID = "testclient0123456789"
MACHINE_CLIENT_ID = "4machine2client0of5this9pl"
MACHINE_SCOPE = "episode-metadata/system"
KEY_ID = "test-key-1"


@cache
def rsa_key(name: str = "pool") -> rsa.RSAPrivateKey:
    """Return the pool's key, or another key by another name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_set(*, key_id: str = KEY_ID, name: str = "pool") -> dict[str, Any]:
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(name).public_key()))
    return {"keys": [public | {"kid": key_id, "alg": "RS256", "use": "sig"}]}


def claims(*groups: str, user_id: UUID | None = None, **changes: Any) -> dict[str, Any]:
    """Build the claims of a user's access token; a change to None removes the claim."""
    now = int(time.time())
    created = {
        "sub": str(user_id or uuid4()),
        "iss": ISSUER,
        "client_id": CLIENT_ID,
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "iat": now,
        "auth_time": now,
        "exp": now + 3600,
        "jti": str(uuid4()),
        "username": "someone",
        "cognito:groups": list(groups),
    } | changes
    return {name: value for name, value in created.items() if value is not None}


def machine_claims(**changes: Any) -> dict[str, Any]:
    """Build the claims of the machine client's access token; a change to None removes the claim."""
    now = int(time.time())
    created = {
        "sub": MACHINE_CLIENT_ID,
        "token_use": "access",
        "scope": MACHINE_SCOPE,
        "auth_time": now,
        "iss": ISSUER,
        "exp": now + 3600,
        "iat": now,
        "version": 2,
        "jti": str(uuid4()),
        "client_id": MACHINE_CLIENT_ID,
    } | changes
    return {name: value for name, value in created.items() if value is not None}


def mint(
    payload: dict[str, Any], *, key: str = "pool", headers: dict[str, Any] | None = None, algorithm: str = "RS256"
) -> str:
    """Sign a token as the pool does, except for the given key, headers or algorithm."""
    created = {"kid": KEY_ID, "typ": None} | (headers or {})
    # PyJWT omits `typ` if it is None, but rejects None in other headers.
    kept = {name: value for name, value in created.items() if value is not None or name == "typ"}
    return jwt.encode(payload, rsa_key(key), algorithm=algorithm, headers=kept)


@dataclass
class Pool:
    """The user pool's key endpoint. It counts requests and can be made unavailable."""

    keys: dict[str, Any] = field(default_factory=key_set)
    is_unavailable: bool = False
    fetches: int = 0
    endpoint: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.endpoint}/.well-known/jwks.json"

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator["Pool"]:
        pool = cls()

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
                pool.fetches += 1
                body = b"unavailable" if pool.is_unavailable else json.dumps(pool.keys).encode()
                self.send_response(503 if pool.is_unavailable else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        with Listener(Handler) as server:
            pool.endpoint = f"{server.authority}/{POOL_ID}"
            yield pool


@dataclass(frozen=True)
class User:
    """A user or machine with an access token. `headers` authenticate a request."""

    user_id: UUID
    token: str

    @classmethod
    def of(cls, *groups: str, **changes: Any) -> "User":
        user_id = uuid4()
        return cls(user_id, mint(claims(*groups, user_id=user_id, **changes)))

    @classmethod
    def machine(cls) -> "User":
        return cls(machine_user_id(MACHINE_CLIENT_ID), mint(machine_claims()))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
