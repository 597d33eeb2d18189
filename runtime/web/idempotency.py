"""Idempotency-Key: a POST that is repeated with its key gets the first answer again and has no second effect.

The answer is stored in the transaction of its effect, so there is neither without the other, whatever crashes when. A
refusal rolls that transaction back: it had no effect, nothing of it is stored, and the key is free for another attempt.
Keys belong to users, and are kept for 24 hours.

`answer_once` stands around every route; `Attempt.begin` is called by the dependency that opens the transaction, after the
route's guard.
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
from runtime.mechanisms.idempotency.repository import StoredAnswer
from runtime.persistence.transactions import Transaction

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

# For the API's description; the header itself is read once, below, for every route.
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A name of your own for this request: repeated with it, the request gets its first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

_FIELD = "header.idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class AlreadyAnsweredError(Exception):
    """No refusal: ends a request whose answer is known. It never leaves this module's `answer_once`."""

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__("the request was answered before")
        self.answer = answer


@dataclass(frozen=True)
class _Claim:
    transaction: Transaction
    user_id: UUID
    key: str


class Attempt:
    """One request that carries a key, or several, which is refused."""

    def __init__(self, keys: list[str], request_hash: str) -> None:
        self._keys = keys
        self._request_hash = request_hash
        self._claim: _Claim | None = None

    def begin(self, transaction: Transaction, user_id: UUID) -> None:
        """Claims the key for this transaction. AlreadyAnsweredError when the request was answered before,
        InvalidInputError for a key that is none or that came with another request, ConflictError while that one is still
        being answered."""
        key = self._keys[0]
        if len(self._keys) > 1 or not _KEY.fullmatch(key):
            raise InvalidInputError("Send one key of 1 to 255 visible ASCII characters", field=_FIELD)
        # No waiting: a function that is frozen in the middle of a request would keep all its repetitions waiting.
        if not repository.try_lock(transaction.connection, user_id, key):
            raise ConflictError("A request with this key is still being answered; try again", field=_FIELD)
        stored = repository.find(transaction.connection, user_id, key)
        if stored is not None:
            if stored.request_hash != self._request_hash:
                raise InvalidInputError("This key came with another request before", field=_FIELD)
            raise AlreadyAnsweredError(stored)
        self._claim = _Claim(transaction, user_id, key)

    def keep(self, response: Response) -> None:
        """Stores the answer in the transaction that `begin` was called with."""
        claim = self._claim
        if claim is None:
            raise RuntimeError("the route has no transaction to keep its answer in")
        answer = StoredAnswer(
            request_hash=self._request_hash,
            status_code=response.status_code,
            headers={name: value for name, value in response.headers.items() if name != "content-length"},
            body=bytes(response.body).decode(),
        )
        repository.upsert(claim.transaction.connection, claim.user_id, claim.key, answer)


def attempt_of(request: Request) -> Attempt | None:
    """The request's attempt, if it carries a key."""
    attempt: Attempt | None = getattr(request.state, "idempotency", None)
    return attempt


async def answer_once(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    """The handler's answer, or the one that a POST with this key got first, which then says so in a header."""
    keys = request.headers.getlist(HEADER)
    if request.method != "POST" or not keys:
        return await handler(request)
    attempt = request.state.idempotency = Attempt(keys, await _hash_of(request))
    try:
        response = await handler(request)
    except AlreadyAnsweredError as error:
        answer = error.answer
        headers = answer.headers | {REPLAYED_HEADER: "true"}
        return Response(answer.body, status_code=answer.status_code, headers=headers)
    # The framework closes the transaction when this function has returned.
    await run_in_threadpool(attempt.keep, response)
    return response


async def _hash_of(request: Request) -> str:
    try:
        body = await request.body()
    except ClientDisconnect:
        raise HTTPException(400) from None
    target = request.scope["path"].encode() + b"?" + request.scope["query_string"] + b"\n"
    return hashlib.sha256(target + body).hexdigest()
