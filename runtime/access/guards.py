"""What stands before a route: `caller: Annotated[Caller, allow(Permission.SHOWS_READ)]`."""

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

# Only for the API's description: the header is read below, once and strictly.
BEARER = HTTPBearer(
    scheme_name="bearer", bearerFormat="JWT", description="An access token of the user pool.", auto_error=False
)


@dataclass(frozen=True, kw_only=True)
class AccessControl:
    """How this deployment knows its callers and what it lets them do. The application keeps it as `state.access`."""

    verifier: TokenVerifier
    permissions: PermissionTable
    limiter: RateLimiter | None

    def admit(self, authorization: list[str], permission: Permission, *, allow_fetch: bool = True) -> Caller:
        """The caller, if the Authorization headers prove one who may. UnauthorizedError or ForbiddenError otherwise, and
        whatever else TokenVerifier raises."""
        if not authorization:
            raise UnauthorizedError(NO_TOKEN)
        scheme, _, token = authorization[0].partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthorizedError(NO_TOKEN)
        if len(authorization) > 1:
            raise UnauthorizedError(INVALID_TOKEN)
        caller = self.verifier.verify(token, allow_fetch=allow_fetch)
        if not is_permitted(self.permissions, caller.roles, permission):
            raise ForbiddenError("You may not do this")
        return caller


@dataclass(frozen=True)
class Guard:
    """A dependency that lets only callers with the permission through, as often as they may ask, and hands them to the route.

    It stands on the route and not in middleware: what a middleware takes for the path is not always what the router
    takes for it.
    """

    permission: Permission

    async def __call__(
        self, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
    ) -> Caller:
        access: AccessControl = request.app.state.access
        authorization = request.headers.getlist("authorization")
        try:
            caller = access.admit(authorization, self.permission, allow_fetch=False)
        except KeyFetchRequiredError:
            # Only the fetch of keys goes to a thread; the checks are quicker than the way there.
            caller = await run_in_threadpool(access.admit, authorization, self.permission)
        request.state.caller = caller
        await _count(request, access.limiter, caller)
        return caller


async def _count(request: Request, limiter: RateLimiter | None, caller: Caller) -> None:
    """Raises RateLimitError when the caller has asked too much. The middleware tells of the state's `rate_limit`."""
    # A request that is tried a second time by us is still one request.
    if limiter is None or hasattr(request.state, "rate_limit"):
        return
    rate_limit = request.state.rate_limit = await run_in_threadpool(limiter.consume, caller.user_id)
    if not rate_limit.is_allowed:
        wait = rate_limit.seconds_until_next
        raise RateLimitError(f"Too many requests; one more is possible in {wait} s", retry_after_seconds=wait)


def allow(permission: Permission) -> Any:
    """The dependency for a route whose callers need this permission."""
    return Depends(Guard(permission))
