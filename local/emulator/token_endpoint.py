"""Cognito's token endpoint for the client credentials grant (RFC 6749, sections 2.3.1, 4.4, 5), which moto lacks.

The request's host determines the user pool, as in AWS: `{domain}.auth.{region}.amazoncognito.com`. At the emulator's own
address, the client's pool is used. A pool without a domain issues no tokens.
"""

import hmac
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from joserfc import jwt
from moto.cognitoidp.models import CognitoIdpUserPool, CognitoIdpUserPoolClient, cognitoidp_backends
from werkzeug.wrappers import Request, Response

PATH = "/oauth2/token"
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
GRANT_TYPE = "client_credentials"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


class _OAuthError(Exception):
    """An error response; the text is one of the codes of RFC 6749, section 5.2."""


def is_token_request(environ: dict[str, Any]) -> bool:
    """Return whether a WSGI request is for this endpoint; one with an AWS signature is for a bucket named `oauth2`."""
    is_signed = environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-") or environ.get("QUERY_STRING")
    return environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == PATH and not is_signed


@Request.application
def handle_request(request: Request) -> Response:
    """Return a token or an error. Like Cognito, and unlike the RFC, every error has status 400."""
    try:
        status, content = 200, _issue_token(request)
    except _OAuthError as error:
        status, content = 400, {"error": str(error)}
    return Response(json.dumps(content), status, {"Cache-Control": "no-store"}, mimetype="application/json")


def _issue_token(request: Request) -> dict[str, Any]:
    form = request.form
    has_repeated_field = any(len(values) > 1 for values in form.listvalues())
    if request.mimetype != FORM_MEDIA_TYPE or has_repeated_field or not form.get("grant_type"):
        raise _OAuthError("invalid_request")
    pool, client = _authenticate(request)
    if form["grant_type"] != GRANT_TYPE:
        raise _OAuthError("unsupported_grant_type")
    config = client.extended_config
    is_allowed = config["AllowedOAuthFlowsUserPoolClient"] and GRANT_TYPE in config.get("AllowedOAuthFlows", ())
    # Cognito does not create a client with this flow and no secret. Moto does, and its id alone would get a token.
    if not is_allowed or not client.generate_secret:
        raise _OAuthError("unauthorized_client")
    allowed_scopes = config.get("AllowedOAuthScopes", [])
    scopes = form.get("scope", "").split() or allowed_scopes
    if not scopes or not set(scopes) <= set(allowed_scopes):
        raise _OAuthError("invalid_scope")
    return _make_token(pool, client, dict.fromkeys(scopes))


def _authenticate(request: Request) -> tuple[CognitoIdpUserPool, CognitoIdpUserPoolClient]:
    """Authenticate the client by HTTP Basic or form fields, not by both; repeating the same id in the form is allowed."""
    form, basic = request.form, request.authorization
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if "Authorization" in request.headers:
        if basic is None or basic.type != "basic" or client_id not in ("", basic.username):
            raise _OAuthError("invalid_client")
        if secret:
            raise _OAuthError("invalid_request")
        client_id, secret = basic.username or "", basic.password or ""
    for pool in _pools(request.host.partition(":")[0]):
        client = pool.clients.get(client_id)
        if client and hmac.compare_digest(secret.encode(), (client.secret if client.generate_secret else "").encode()):
            return pool, client
    raise _OAuthError("invalid_client")


def _pools(host: str) -> Iterator[CognitoIdpUserPool]:
    for account, region, _ in cognitoidp_backends.iter_backends():
        backend = cognitoidp_backends[account][region]
        for domain in list(backend.user_pool_domains.values()):
            if host in (*LOOPBACK_HOSTS, f"{domain.domain}.auth.{region}.amazoncognito.com"):
                yield backend.user_pools[domain.user_pool_id]


def _make_token(pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, scopes: dict[str, None]) -> dict[str, Any]:
    unit = client.extended_config.get("TokenValidityUnits", {}).get("AccessToken", "hours")
    lifetime = (client.extended_config.get("AccessTokenValidity") or 1) * UNIT_SECONDS[unit]
    now = int(time.time())
    claims = {
        "sub": client.id,
        "token_use": "access",
        "scope": " ".join(scopes),
        "auth_time": now,
        "iss": f"https://cognito-idp.{pool.region}.amazonaws.com/{pool.id}",
        "exp": now + lifetime,
        "iat": now,
        "version": 2,
        "jti": str(uuid.uuid4()),
        "client_id": client.id,
    }
    # The key and its id are those that moto uses for users' tokens, so that one JWKS verifies both.
    signed = jwt.encode({"kid": "dummy", "alg": "RS256"}, claims, pool.json_web_key)
    return {"access_token": signed, "expires_in": lifetime, "token_type": "Bearer"}
