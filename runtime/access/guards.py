"""Authentication and authorization of routes: `caller: Annotated[Caller, allow(Permission.SHOWS_READ)]`."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from runtime.access.keys import KeyFetchRequiredError
from runtime.access.rate_limits import RateLimiter
from runtime.access.roles import Permission, PermissionTable, is_permitted
from runtime.access.tokens import INVALID_TOKEN, NO_TOKEN, Caller, TokenVerifier
from runtime.errors import ForbiddenError, RateLimitError, UnauthorizedError

# Only for the OpenAPI document: the guard reads the header itself, more strictly.
BEARER = HTTPBearer(
    scheme_name="bearer", bearerFormat="JWT", description="An access token of the user pool.", auto_error=False
)


@dataclass(frozen=True, kw_only=True)
class AccessControl:
    """Authentication, authorization and rate limiting of callers, in `app.state.access`."""

    verifier: TokenVerifier
    permissions: PermissionTable
    limiter: RateLimiter | None

    def authorize(self, authorization: list[str], permission: Permission, *, allow_fetch: bool = True) -> Caller:
        """Return the caller that the Authorization headers identify.

        Raises:
            UnauthorizedError: There is no valid token.
            ForbiddenError: The caller lacks the permission.
            UnavailableError: The signing keys cannot be fetched.
            KeyFetchRequiredError: The signing key would have to be fetched, and `allow_fetch` is false.
        """
        if not authorization:
            raise UnauthorizedError(NO_TOKEN)
        scheme, _, token = authorization[0].partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthorizedError(NO_TOKEN)
        if len(authorization) > 1:
            raise UnauthorizedError(INVALID_TOKEN)
        caller = self.verifier.verify(token, allow_fetch=allow_fetch)
        if not is_permitted(self.permissions, caller.roles, permission):
            raise ForbiddenError("Permission denied")
        return caller


@dataclass(frozen=True)
class Guard:
    """A route dependency that requires a permission, enforces the rate limit, and returns the caller.

    It is a dependency and not middleware, because the path that a middleware sees is not always the one that the router matches.
    """

    permission: Permission

    async def __call__(
        self, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
    ) -> Caller:
        """Return the caller, or raise an error of `AccessControl.authorize` or RateLimitError."""
        access: AccessControl = request.app.state.access
        authorization = request.headers.getlist("authorization")
        try:
            caller = access.authorize(authorization, self.permission, allow_fetch=False)
        except KeyFetchRequiredError:
            # Only a key fetch needs a thread: the checks take less time than the switch to one.
            caller = await run_in_threadpool(access.authorize, authorization, self.permission)
        request.state.caller = caller
        await _enforce_rate_limit(request, access.limiter, caller)
        return caller


async def _enforce_rate_limit(request: Request, limiter: RateLimiter | None, caller: Caller) -> None:
    """Count the request, and leave the result in the request's state for the response headers.

    Raises:
        RateLimitError: The caller has exceeded the limit.
    """
    # An automatic retry of a request is not counted again.
    if limiter is None or hasattr(request.state, "rate_limit"):
        return
    rate_limit = request.state.rate_limit = await run_in_threadpool(limiter.consume, caller.user_id)
    if not rate_limit.is_allowed:
        seconds = rate_limit.seconds_until_next
        raise RateLimitError(f"Too many requests; retry after {seconds} s", retry_after_seconds=seconds)


def allow(permission: Permission) -> Any:
    """Return the dependency of a route that requires this permission."""
    return Depends(Guard(permission))
