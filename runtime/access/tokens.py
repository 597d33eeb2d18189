"""Verification of bearer tokens. Only access tokens of this user pool for our app clients are accepted.

The app client of a token decides how its claims are read: a person's groups are roles; a machine signs in as a client of its own,
and its scope grants the role `system`. Neither falls back on the other.
"""

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import jwt

from runtime.access.keys import SigningKeys
from runtime.errors import UnauthorizedError
from runtime.roles import GROUP_ROLES, Role

NO_TOKEN = "No token provided"  # noqa: S105  (an error message, not a secret)
INVALID_TOKEN = "Invalid token"  # noqa: S105

# Cognito's tokens have about 1,000 characters, and a user is in few groups. Longer ones are rejected before any decoding.
MAX_TOKEN_LENGTH = 8192
# Checked before anything is decoded: Base64 decoders differ in which foreign characters they skip.
_COMPACT_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KNOWN_HEADERS = frozenset({"alg", "kid", "typ"})
# Tolerated clock skew: a token may have been issued this much in the future.
_CLOCK_SKEW_SECONDS = 5
# Clients send the same token many times. When the cache reaches this size, it is cleared.
_MAX_CACHED_TOKENS = 1000

# A machine's subject is its client id, which is not a UUID, but rows reference users by UUID. So a machine's user id is derived
# from its client id. This namespace must never change: stored rows would belong to another user.
_MACHINE_NAMESPACE = UUID("6f1d3c52-8a0e-5b7d-9c44-2e7a90b1d6f3")


def machine_user_id(client_id: str) -> UUID:
    """Return the user id of a machine client, derived from the client id."""
    return uuid5(_MACHINE_NAMESPACE, client_id)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """An authenticated caller.

    `subject` is the token's `sub` claim. `user_id` is the same for a person, and derived from it for a machine. Cognito's access
    tokens normally contain no e-mail address.
    """

    user_id: UUID
    subject: str
    email: str | None
    roles: frozenset[Role]


@dataclass(frozen=True, kw_only=True)
class _CachedToken:
    """A verified token, its signing key and its expiry."""

    key_id: str
    key: jwt.PyJWK
    expires_at: int
    caller: Caller


class TokenVerifier:
    """Verifies RS256 access tokens of one issuer for the given app clients, up to a maximum lifetime.

    Tokens of `client_ids` belong to people; those of `machine_client_ids` to machines, if they contain `machine_scope`. Verified
    tokens are cached until they expire or the pool no longer publishes their key.
    """

    def __init__(
        self,
        *,
        keys: SigningKeys,
        issuer: str,
        client_ids: Collection[str],
        max_lifetime_seconds: int,
        machine_client_ids: Collection[str] = (),
        machine_scope: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_ids = frozenset(client_ids)
        self._machine_client_ids = frozenset(machine_client_ids)
        self._machine_scope = machine_scope
        self._max_lifetime_seconds = max_lifetime_seconds
        self._clock = clock
        self._cached: dict[str, _CachedToken] = {}

    def verify(self, token: str, *, allow_fetch: bool = True) -> Caller:
        """Return the caller that the token identifies.

        Raises:
            UnauthorizedError: The token is invalid; the message is the same for every cause.
            UnavailableError: The signing keys cannot be fetched.
            KeyFetchRequiredError: The signing key would have to be fetched, and `allow_fetch` is false.
        """
        if len(token) > MAX_TOKEN_LENGTH or not _COMPACT_FORM.fullmatch(token):
            raise UnauthorizedError(INVALID_TOKEN)
        cached = self._cached.get(token)
        key_id = cached.key_id if cached else _key_id(token)
        key = self._keys.find(key_id, allow_fetch=allow_fetch)
        if key is None:
            raise UnauthorizedError(INVALID_TOKEN)
        if cached and cached.key is key and self._clock() < cached.expires_at:
            return cached.caller
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                # The time of issue is checked below, with a tolerance for clock skew that the expiry does not get.
                options={"require": ["exp", "iat", "sub", "iss"], "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, OverflowError):
            raise UnauthorizedError(INVALID_TOKEN) from None
        caller = self._caller(claims)
        if len(self._cached) >= _MAX_CACHED_TOKENS:
            self._cached.clear()
        self._cached[token] = _CachedToken(key_id=key_id, key=key, expires_at=claims["exp"], caller=caller)
        return caller

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        client_id = claims.get("client_id")
        is_valid = (
            claims.get("token_use") == "access"
            and isinstance(client_id, str)
            and self._has_valid_lifetime(claims["iat"], claims["exp"])
        )
        if is_valid and client_id in self._machine_client_ids:
            return self._machine_caller(claims)
        if is_valid and client_id in self._client_ids:
            return _person_caller(claims)
        raise UnauthorizedError(INVALID_TOKEN)

    def _machine_caller(self, claims: Mapping[str, Any]) -> Caller:
        subject, scope = claims["sub"], claims.get("scope")
        is_valid = (
            # If a person could sign in through this client, the subject would be that person.
            subject == claims["client_id"]
            and "cognito:groups" not in claims
            # Scopes are compared as whole names: "x/systematic" is not "x/system".
            and isinstance(scope, str)
            and bool(self._machine_scope)
            and self._machine_scope in scope.split(" ")
        )
        if not is_valid:
            raise UnauthorizedError(INVALID_TOKEN)
        return Caller(user_id=machine_user_id(subject), subject=subject, email=None, roles=frozenset({Role.SYSTEM}))

    def _has_valid_lifetime(self, issued_at: object, expires_at: object) -> bool:
        # `type` and not `isinstance`, because True is an int too. A number such as 1e30 is parsed as float.
        if type(issued_at) is not int or type(expires_at) is not int:
            return False
        is_issued = issued_at <= self._clock() + _CLOCK_SKEW_SECONDS
        return is_issued and 0 < expires_at - issued_at <= self._max_lifetime_seconds


def _person_caller(claims: Mapping[str, Any]) -> Caller:
    groups = claims.get("cognito:groups", [])
    email = claims.get("email")
    is_valid = (
        # With a string, `in` would find substrings: "not-admin" contains "admin".
        isinstance(groups, list)
        and all(isinstance(group, str) for group in groups)
        and (email is None or isinstance(email, str))
    )
    if not is_valid:
        raise UnauthorizedError(INVALID_TOKEN)
    user_id = _subject(claims["sub"])
    roles = frozenset(role for role in GROUP_ROLES if role.value in groups)
    return Caller(user_id=user_id, subject=str(user_id), email=email, roles=roles)


def _key_id(token: str) -> str:
    """Return the key id of a header that contains only what this pool writes."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise UnauthorizedError(INVALID_TOKEN) from None
    key_id = header.get("kid")
    # An embedded key, a key URL or a critical extension makes a token invalid.
    is_plain = header.keys() <= _KNOWN_HEADERS and header.get("alg") == "RS256" and header.get("typ", "JWT") == "JWT"
    if not is_plain or not isinstance(key_id, str) or not key_id:
        raise UnauthorizedError(INVALID_TOKEN)
    return key_id


def _subject(subject: object) -> UUID:
    try:
        user_id = UUID(str(subject))
    except ValueError:
        raise UnauthorizedError(INVALID_TOKEN) from None
    if str(user_id) != subject:
        raise UnauthorizedError(INVALID_TOKEN)
    return user_id
