"""The API, put together on one screen."""

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
from runtime.web.middleware import BodyLimit, RequestContext, TrustedHosts, UnexpectedErrors
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
Shows and their episodes, what episodes are made of, and the pictures that are made of uploaded photographs.

**Sign in** with an access token of the user pool (`Authorization: Bearer …`); its groups are the caller's roles.
**Upload** in three steps: announce the file, POST it to storage with the form that is answered, complete the upload. Files
of up to 4.5 MB can be sent in one: POST /api/v1/files/upload.
**Change** with PUT or PATCH: what you send is changed, the rest stays. Send the ETag as `If-Match` to change nothing but
the version you know; 412 says that there is a newer one.
**Repeat** any POST safely: give it an `Idempotency-Key` of your own (up to 255 characters, 24 hours), and a repetition gets
the first answer again.
**Limits** count every request of a user, whatever the token, the address or the process that answers: `RateLimit` says how
many may follow now (`r`) and in how many seconds one more (`t`). 429 comes with `Retry-After`.
**Lists** are pages, newest first unless `sort` names another order: send `page.next` back as `cursor`.
**Delete** what you may: most of it is marked, not lost, and an administrator restores it. Links, thumbnails and uploads that
are not completed go for good.
**Refusals** all have one form, `errors` and `metadata`; quote `metadata.requestId` when you ask for help.
"""


def create_app(settings: ApiSettings | None = None) -> FastAPI:
    """The ASGI application. Nothing outside this process is touched before the first request needs it."""
    settings = settings or load_settings(ApiSettings)
    log = get_logger("api")
    app = FastAPI(
        title="Episode metadata",
        description=DESCRIPTION,
        version=settings.release,
        # The documentation pages come from `web.documentation`, a trailing slash is another path, and refusals of every
        # route have one form.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={"4XX": {"model": ErrorResponse, "description": "Refused"}, "503": {"model": ErrorResponse}},
        # From the outside in.
        middleware=[
            Middleware(RequestContext, log=log),
            Middleware(TrustedHosts, allowed_hosts=settings.allowed_hosts),
            Middleware(
                CORSMiddleware,
                allow_origins=_exact(settings.allowed_origins),
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
            Middleware(UnexpectedErrors, log=log),
            Middleware(BodyLimit, larger=dict.fromkeys(files.DIRECT_UPLOAD_PATHS, MAX_FORM_BYTES)),
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
        limiter=_limiter(settings, log),
    )
    errors.install(app, log)
    documentation.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _limiter(settings: ApiSettings, log: Logger) -> RateLimiter | None:
    if not settings.caller_requests_per_minute:
        return None
    limit = RateLimit(
        requests_per_minute=settings.caller_requests_per_minute, burst_requests=settings.caller_burst_requests
    )
    counted_by_database = DatabaseRateLimiter(database=get_database(settings), limit=limit)
    if not settings.cache_endpoint:
        return counted_by_database
    return CacheRateLimiter(
        cache=get_cache(settings.cache_endpoint), limit=limit, fallback=counted_by_database, log=log
    )


def _exact(origins: tuple[str, ...]) -> tuple[str, ...]:
    # With credentials allowed, the library would answer a wildcard by repeating any origin that asks.
    if any("*" in origin or origin == "null" for origin in origins):
        raise ValueError("allowed_origins: only exact origins are allowed, no wildcard and no null")
    return origins
