"""What moto has not: Cognito's `POST /oauth2/token` for programs, by OAuth's client credentials (RFC 6749, sections 2.3.1, 4.4, 5).

Which pool is asked follows from the host that the request names, as in AWS: `{domain}.auth.{region}.amazoncognito.com`. At the
emulator's own address, which is no pool's, it is the pool of the client. A pool without a domain gives no tokens.
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
FORM = "application/x-www-form-urlencoded"
FLOW = "client_credentials"
OWN_HOSTS = ("127.0.0.1", "localhost")
UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}


class _RefusedError(Exception):
    """The text is one of the codes of RFC 6749, section 5.2."""


def is_asked(environ: dict[str, Any]) -> bool:
    """Whether a WSGI request is for this endpoint. One that AWS's signature goes with is for a bucket that is called `oauth2`."""
    signed = environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-") or environ.get("QUERY_STRING")
    return environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == PATH and not signed


@Request.application
def answer(request: Request) -> Response:
    """A token, or a refusal. As with Cognito, and otherwise than in the RFC, every refusal is 400."""
    try:
        status, content = 200, _granted(request)
    except _RefusedError as refused:
        status, content = 400, {"error": str(refused)}
    return Response(json.dumps(content), status, {"Cache-Control": "no-store"}, mimetype="application/json")


def _granted(request: Request) -> dict[str, Any]:
    form = request.form
    if request.mimetype != FORM or any(len(values) > 1 for values in form.listvalues()) or not form.get("grant_type"):
        raise _RefusedError("invalid_request")
    pool, client = _authenticated(request)
    if form["grant_type"] != FLOW:
        raise _RefusedError("unsupported_grant_type")
    known = client.extended_config
    may = known["AllowedOAuthFlowsUserPoolClient"] and FLOW in known.get("AllowedOAuthFlows", ())
    # Cognito does not even make a client with this flow and no secret; moto does, and whoever knows its id would be it.
    if not may or not client.generate_secret:
        raise _RefusedError("unauthorized_client")
    allowed = known.get("AllowedOAuthScopes", [])
    asked = form.get("scope", "").split() or allowed
    if not asked or not set(asked) <= set(allowed):
        raise _RefusedError("invalid_scope")
    return _token(pool, client, dict.fromkeys(asked))


def _authenticated(request: Request) -> tuple[CognitoIdpUserPool, CognitoIdpUserPoolClient]:
    """The client that proves itself, by HTTP Basic or in the form; both at once are refused, but for the same id told again."""
    form, basic = request.form, request.authorization
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if "Authorization" in request.headers:
        if basic is None or basic.type != "basic" or client_id not in ("", basic.username):
            raise _RefusedError("invalid_client")
        if secret:
            raise _RefusedError("invalid_request")
        client_id, secret = basic.username or "", basic.password or ""
    for pool in _pools(request.host.partition(":")[0]):
        client = pool.clients.get(client_id)
        if client and hmac.compare_digest(secret.encode(), (client.secret if client.generate_secret else "").encode()):
            return pool, client
    raise _RefusedError("invalid_client")


def _pools(host: str) -> Iterator[CognitoIdpUserPool]:
    for account, region, _ in cognitoidp_backends.iter_backends():
        backend = cognitoidp_backends[account][region]
        for domain in list(backend.user_pool_domains.values()):
            if host in (*OWN_HOSTS, f"{domain.domain}.auth.{region}.amazoncognito.com"):
                yield backend.user_pools[domain.user_pool_id]


def _token(pool: CognitoIdpUserPool, client: CognitoIdpUserPoolClient, scopes: dict[str, None]) -> dict[str, Any]:
    unit = client.extended_config.get("TokenValidityUnits", {}).get("AccessToken", "hours")
    lifetime = (client.extended_config.get("AccessTokenValidity") or 1) * UNITS[unit]
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
    # The key and its id are those of the tokens that moto gives to people: one set of public keys verifies both.
    signed = jwt.encode({"kid": "dummy", "alg": "RS256"}, claims, pool.json_web_key)
    return {"access_token": signed, "expires_in": lifetime, "token_type": "Bearer"}
