"""Idempotency-Key: a POST that is repeated with its key gets the first response again and has no second effect.

The response is stored in the transaction of its effect, so that a crash loses both or neither. An error response rolls that
transaction back: it has no effect, it is not stored, and the key can be used again. Keys belong to users and are kept for 24 hours.

`handle_idempotently` wraps every route; `IdempotentRequest.claim_key` is called by the dependency that opens the transaction, after
the route's guard.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from runtime.errors import ConflictError, InvalidInputError
from runtime.mechanisms.idempotency import repository
from runtime.mechanisms.idempotency.repository import StoredResponse
from runtime.persistence.transactions import Transaction

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

# For the OpenAPI document; the header is read below, for every route.
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A unique key for this request: repeated with the same key, the request returns its first response.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

_FIELD = "header.idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class ReplayResponseError(Exception):
    """Ends a request whose response is already stored. Not an error: it never leaves `handle_idempotently`."""

    def __init__(self, response: StoredResponse) -> None:
        super().__init__("the response to this request is already stored")
        self.response = response


@dataclass(frozen=True)
class _Claim:
    transaction: Transaction
    user_id: UUID
    key: str


class IdempotentRequest:
    """A request with an Idempotency-Key header (or several, which is an error)."""

    def __init__(self, keys: list[str], request_hash: str) -> None:
        self._keys = keys
        self._request_hash = request_hash
        self._claim: _Claim | None = None

    def claim_key(self, transaction: Transaction, user_id: UUID) -> None:
        """Claim the key for this transaction.

        Raises:
            ReplayResponseError: The response to this request is already stored.
            InvalidInputError: The key is invalid, or was used for another request.
            ConflictError: The first request with this key is still in progress.
        """
        key = self._keys[0]
        if len(self._keys) > 1 or not _KEY.fullmatch(key):
            raise InvalidInputError("Must be one key of 1 to 255 visible ASCII characters", field=_FIELD)
        # Do not wait for the lock: a function that is frozen in the middle of a request would block all its repetitions.
        if not repository.try_lock(transaction.connection, user_id, key):
            raise ConflictError("A request with this key is in progress; try again", field=_FIELD)
        stored = repository.find(transaction.connection, user_id, key)
        if stored is not None:
            if stored.request_hash != self._request_hash:
                raise InvalidInputError("This key was used for another request", field=_FIELD)
            raise ReplayResponseError(stored)
        self._claim = _Claim(transaction, user_id, key)

    def store_response(self, response: Response) -> None:
        """Store the response in the transaction that claimed the key."""
        claim = self._claim
        if claim is None:
            raise RuntimeError("the route has no transaction in which its response could be stored")
        stored = StoredResponse(
            request_hash=self._request_hash,
            status_code=response.status_code,
            headers={name: value for name, value in response.headers.items() if name != "content-length"},
            body=bytes(response.body).decode(),
        )
        repository.upsert(claim.transaction.connection, claim.user_id, claim.key, stored)


def find_idempotent_request(request: Request) -> IdempotentRequest | None:
    """Return the request's idempotency state, if it has a key."""
    found: IdempotentRequest | None = getattr(request.state, "idempotency", None)
    return found


async def handle_idempotently(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    """Return the handler's response, or replay the first response to a POST with this key, marked by a header."""
    keys = request.headers.getlist(HEADER)
    if request.method != "POST" or not keys:
        return await handler(request)
    idempotent = request.state.idempotency = IdempotentRequest(keys, await _hash_of(request))
    try:
        response = await handler(request)
    except ReplayResponseError as error:
        stored = error.response
        headers = stored.headers | {REPLAYED_HEADER: "true"}
        return Response(stored.body, status_code=stored.status_code, headers=headers)
    # The framework closes the transaction when this function has returned.
    await run_in_threadpool(idempotent.store_response, response)
    return response


async def _hash_of(request: Request) -> str:
    try:
        body = await request.body()
    except ClientDisconnect:
        raise HTTPException(400) from None
    target = request.scope["path"].encode() + b"?" + request.scope["query_string"] + b"\n"
    return hashlib.sha256(target + body).hexdigest()
