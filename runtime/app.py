"""The composition of the API: routers, middleware and shared resources."""

from aws_lambda_powertools import Logger
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from runtime.access.guards import AccessControl
from runtime.access.keys import SigningKeys
from runtime.access.rate_limits import RateLimit, RateLimiter
from runtime.access.roles import permission_table
from runtime.access.tokens import TokenVerifier
from runtime.adapters.cache import get_cache
from runtime.adapters.database import get_database
from runtime.adapters.logs import get_logger
from runtime.adapters.objects import ObjectStore
from runtime.contract.envelopes import ErrorResponse
from runtime.features.activity_logs import routes as activity_logs
from runtime.features.backgrounds import routes as backgrounds
from runtime.features.clips import routes as clips
from runtime.features.components import routes as components
from runtime.features.episodes import routes as episodes
from runtime.features.episodes import script_versions_routes as script_versions
from runtime.features.files import routes as files
from runtime.features.files.schemas import MAX_FORM_BYTES
from runtime.features.guests import routes as guests
from runtime.features.health import routes as health
from runtime.features.jobs import routes as jobs
from runtime.features.metadata import routes as metadata
from runtime.features.outfits import routes as outfits
from runtime.features.search import routes as search
from runtime.features.shows import routes as shows
from runtime.features.thumbnails import routes as thumbnails
from runtime.features.ui_elements import routes as ui_elements
from runtime.features.uploads import routes as uploads
from runtime.features.users import routes as users
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.rate_limits.cache import CacheRateLimiter
from runtime.mechanisms.rate_limits.database import DatabaseRateLimiter
from runtime.settings import ApiSettings, load_settings
from runtime.topics import create_topics
from runtime.web import documentation, errors
from runtime.web.dependencies import Resources
from runtime.web.middleware import BodySizeLimit, RequestContext, TrustedHosts, UnhandledExceptions
from runtime.web.retry_on_lost_connection import RetryOnLostConnection

ROUTERS = (
    health.router,
    shows.router,
    episodes.router,
    script_versions.router,
    metadata.router,
    outfits.router,
    ui_elements.router,
    backgrounds.router,
    components.router,
    guests.router,
    clips.router,
    thumbnails.router,
    uploads.router,
    files.router,
    jobs.router,
    search.router,
    activity_logs.router,
    users.router,
)

DESCRIPTION = """
Manage shows and episodes, their scripts, metadata and assets, and the thumbnails generated from uploaded photographs.

**Authentication.** Send an access token of the user pool as `Authorization: Bearer …`. The groups in the token are the caller's
roles.

**Uploads.** Request an upload, POST the file to storage with the returned form, then complete the upload. Files of up to 4.5 MB
can be sent in a single request: POST /api/v1/files/upload.

**Updates.** PUT and PATCH both merge the fields that you send; null clears a field. Send the ETag of a record as `If-Match` to
update only that version; the response is 412 if the record has changed since.

**Idempotency.** Send an `Idempotency-Key` (up to 255 visible ASCII characters) with any POST. If you repeat the request with the
same key within 24 hours, the first response is returned and nothing is done twice.

**Rate limits** apply to each user, across all tokens and addresses. The `RateLimit` header contains the number of remaining
requests (`r`) and the seconds until the next one is added (`t`). A 429 response has a `Retry-After` header.

**Pagination.** Lists are paged, newest first unless `sort` names another order. Send `page.next` as `cursor` to get the next
page.

**Deletion.** Records are soft-deleted, and an administrator can restore them. Links, thumbnails and incomplete uploads are
deleted permanently.

**Errors.** Every error response has the fields `errors` and `metadata`. Quote `metadata.requestId` when you contact support.
"""


def create_app(settings: ApiSettings | None = None) -> FastAPI:
    """Create the ASGI application. Connections are opened lazily, by the first request that needs them."""
    settings = settings or load_settings(ApiSettings)
    log = get_logger("api")
    app = FastAPI(
        title="Episode metadata",
        description=DESCRIPTION,
        version=settings.release,
        # `web.documentation` serves the documentation pages. A path with a trailing slash is another path. Error responses have
        # the same shape on every route.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"4XX": {"model": ErrorResponse, "description": "Client error"}, "503": {"model": ErrorResponse}},
        # Outermost first.
        middleware=[
            Middleware(RequestContext, log=log),
            Middleware(TrustedHosts, allowed_hosts=settings.allowed_hosts),
            Middleware(
                CORSMiddleware,
                allow_origins=_validate_origins(settings.allowed_origins),
                allow_credentials=True,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "If-Match", "Idempotency-Key", "X-Request-ID"],
                expose_headers=[
                    "ETag",
                    "Idempotency-Replayed",
                    "X-Request-ID",
                    "Retry-After",
                    "RateLimit",
                    "RateLimit-Policy",
                    "Link",
                    "Content-Disposition",
                ],
            ),
            Middleware(UnhandledExceptions, log=log),
            Middleware(BodySizeLimit, path_limits=dict.fromkeys(files.DIRECT_UPLOAD_PATHS, MAX_FORM_BYTES)),
            Middleware(RetryOnLostConnection, log=log),
        ],
    )
    objects = ObjectStore(settings.region)
    app.state.resources = Resources(
        settings=settings,
        database=get_database(settings),
        objects=objects,
        outbox=Outbox(
            database=get_database(settings),
            topics=create_topics(objects, get_database(settings)),
            log=log,
            grace_seconds=settings.outbox_grace_seconds,
        ),
    )
    app.state.access = AccessControl(
        verifier=TokenVerifier(
            keys=SigningKeys(settings.jwks_url),
            issuer=settings.issuer,
            client_ids=settings.user_pool_client_ids,
            machine_client_ids=settings.machine_client_ids,
            machine_scope=settings.machine_scope,
            max_lifetime_seconds=settings.token_max_lifetime_seconds,
        ),
        permissions=permission_table(editors_create_episodes=settings.editors_create_episodes),
        limiter=_create_rate_limiter(settings, log),
    )
    errors.install(app, log)
    documentation.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _create_rate_limiter(settings: ApiSettings, log: Logger) -> RateLimiter | None:
    if not settings.caller_requests_per_minute:
        return None
    limit = RateLimit(
        requests_per_minute=settings.caller_requests_per_minute, burst_requests=settings.caller_burst_requests
    )
    database_limiter = DatabaseRateLimiter(database=get_database(settings), limit=limit)
    if not settings.cache_endpoint:
        return database_limiter
    return CacheRateLimiter(cache=get_cache(settings.cache_endpoint), limit=limit, fallback=database_limiter, log=log)


def _validate_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    # With credentials allowed, the middleware would respond to a wildcard by echoing any origin.
    if any("*" in origin or origin == "null" for origin in origins):
        raise ValueError("allowed_origins: must be exact origins, without wildcards and without null")
    return origins
