"""From a bearer token to the caller it proves, or a refusal. Only this pool's access tokens for our clients count.

Which client a token was given to decides how it is read. People sign in through one kind of client, and their groups are
their roles. A machine signs in as a client itself, and its scope is its role. Neither reading ever falls back on the other.
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

NO_TOKEN = "No token provided"  # noqa: S105  (the wording of the refusal, not a secret)
INVALID_TOKEN = "Invalid token"  # noqa: S105

# Cognito's tokens have about 1,000 characters and a user is in few groups. Longer ones are refused before any decoding.
MAX_TOKEN_LENGTH = 8192
# Checked before anything is decoded: Base64 decoders differ in which foreign characters they skip.
_COMPACT_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KNOWN_HEADERS = frozenset({"alg", "kid", "typ"})
# Two clocks differ a little: a token may seem to be issued this much ahead of now.
_ISSUED_AHEAD_SECONDS = 5
# Users ask often with the same token. More of them than this and all are checked anew.
_REMEMBERED_TOKENS = 1000


# A machine's subject is its client's id, which is no UUID. Rows name their makers by UUID, so a machine has one that follows
# from its client's id. This name must never change: the rows that are stored would be somebody else's.
_MACHINES = UUID("6f1d3c52-8a0e-5b7d-9c44-2e7a90b1d6f3")


def machine_user_id(client_id: str) -> UUID:
    """The user id of a machine client: always the same for one client, and no person's."""
    return uuid5(_MACHINES, client_id)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks. `subject` is the token's subject as it stands there; `user_id` is the same for a person, and follows from it
    for a machine. Access tokens of Cognito normally carry no e-mail address."""

    user_id: UUID
    subject: str
    email: str | None
    roles: frozenset[Role]


@dataclass(frozen=True, kw_only=True)
class _Verified:
    """A token that was found right, by this key, until this time."""

    key_id: str
    key: jwt.PyJWK
    expires_at: int
    caller: Caller


class TokenVerifier:
    """Accepts RS256 access tokens of one issuer, for the given clients, that live no longer than the given time.

    Tokens of `client_ids` are people's. Those of `machine_client_ids` are the system's, if they name `machine_scope`.

    What was found right is remembered: it stays so until it expires or its key is no longer the pool's.
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
        self._verified: dict[str, _Verified] = {}

    def verify(self, token: str, *, allow_fetch: bool = True) -> Caller:
        """The caller. UnauthorizedError, always worded alike, for any fault of the token; UnavailableError when the
        pool's keys could never be fetched; KeyFetchRequiredError when they would have to be and the caller of this may not wait."""
        if len(token) > MAX_TOKEN_LENGTH or not _COMPACT_FORM.fullmatch(token):
            raise UnauthorizedError(INVALID_TOKEN)
        known = self._verified.get(token)
        key_id = known.key_id if known else _key_id(token)
        key = self._keys.find(key_id, allow_fetch=allow_fetch)
        if key is None:
            raise UnauthorizedError(INVALID_TOKEN)
        if known and known.key is key and self._clock() < known.expires_at:
            return known.caller
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                # The time of issue is checked below, with some patience that the expiry does not get.
                options={"require": ["exp", "iat", "sub", "iss"], "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, OverflowError):
            raise UnauthorizedError(INVALID_TOKEN) from None
        caller = self._caller(claims)
        if len(self._verified) >= _REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = _Verified(key_id=key_id, key=key, expires_at=claims["exp"], caller=caller)
        return caller

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        client_id = claims.get("client_id")
        holds = (
            claims.get("token_use") == "access"
            and isinstance(client_id, str)
            and self._lives_rightly(claims["iat"], claims["exp"])
        )
        if holds and client_id in self._machine_client_ids:
            return self._machine(claims)
        if holds and client_id in self._client_ids:
            return _person(claims)
        raise UnauthorizedError(INVALID_TOKEN)

    def _machine(self, claims: Mapping[str, Any]) -> Caller:
        subject, scope = claims["sub"], claims.get("scope")
        holds = (
            # A person who signed in through this client, were that ever allowed, would be the subject.
            subject == claims["client_id"]
            and "cognito:groups" not in claims
            # One name among others, and a whole one: "x/systematic" is another scope than "x/system".
            and isinstance(scope, str)
            and bool(self._machine_scope)
            and self._machine_scope in scope.split(" ")
        )
        if not holds:
            raise UnauthorizedError(INVALID_TOKEN)
        return Caller(user_id=machine_user_id(subject), subject=subject, email=None, roles=frozenset({Role.SYSTEM}))

    def _lives_rightly(self, issued_at: object, expires_at: object) -> bool:
        # `type` and not `isinstance`, because True is an int too. A number such as 1e30 arrives as float.
        if type(issued_at) is not int or type(expires_at) is not int:
            return False
        in_the_past = issued_at <= self._clock() + _ISSUED_AHEAD_SECONDS
        return in_the_past and 0 < expires_at - issued_at <= self._max_lifetime_seconds


def _person(claims: Mapping[str, Any]) -> Caller:
    groups = claims.get("cognito:groups", [])
    email = claims.get("email")
    holds = (
        # A string would be searched for substrings by a careless reader: "not-admin" contains "admin".
        isinstance(groups, list)
        and all(isinstance(group, str) for group in groups)
        and (email is None or isinstance(email, str))
    )
    if not holds:
        raise UnauthorizedError(INVALID_TOKEN)
    user_id = _subject(claims["sub"])
    roles = frozenset(role for role in GROUP_ROLES if role.value in groups)
    return Caller(user_id=user_id, subject=str(user_id), email=email, roles=roles)


def _key_id(token: str) -> str:
    """The key id of a header that has nothing in it but what this pool writes."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise UnauthorizedError(INVALID_TOKEN) from None
    key_id = header.get("kid")
    # An embedded key, a key address, a critical extension: each is refused by being there.
    plain = header.keys() <= _KNOWN_HEADERS and header.get("alg") == "RS256" and header.get("typ", "JWT") == "JWT"
    if not plain or not isinstance(key_id, str) or not key_id:
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
