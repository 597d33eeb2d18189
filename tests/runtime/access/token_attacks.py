"""Tokens that must never be accepted, by what is wrong with them."""

import base64
import hashlib
import hmac
import json
import math
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import serialization

from tests.runtime.features.user_pool import (
    CLIENT_ID,
    ISSUER,
    KEY_ID,
    MACHINE_CLIENT_ID,
    MACHINE_SCOPE,
    claims,
    key_set,
    machine_claims,
    mint,
    rsa_key,
)


def encoded(part: dict[str, Any] | bytes) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def resigned(**headers: Any) -> str:
    """A token whose header has something else in it, rightly signed."""
    return mint(claims("admin"), headers=headers)


def with_payload_edited() -> str:
    header, _, signature = mint(claims("viewer")).split(".")
    return f"{header}.{encoded(claims('admin'))}.{signature}"


def unsigned(algorithm: str) -> str:
    return f"{encoded({'alg': algorithm, 'kid': KEY_ID})}.{encoded(claims('admin'))}."


def signed_with_the_public_key() -> str:
    public = rsa_key().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encoded({'alg': 'HS256', 'kid': KEY_ID})}.{encoded(claims('admin'))}"
    return f"{signed}.{encoded(hmac.digest(pem, signed.encode(), hashlib.sha256))}"


def detached() -> str:
    return mint(claims("admin"), headers={"b64": False, "crit": ["b64"]})


def of_a_person(**changes: Any) -> str:
    """A person's token that says it was given to the machine client."""
    return mint(claims("admin", client_id=MACHINE_CLIENT_ID, scope=MACHINE_SCOPE) | changes)


ON_PEOPLE: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned("none"),
    "alg NoNe": lambda: unsigned("NoNe"),
    "HS256 with the public key": signed_with_the_public_key,
    "another key": lambda: mint(claims("admin"), key="another"),
    "edited payload": with_payload_edited,
    "expired": lambda: mint(claims("admin", iat=int(time.time()) - 7200, exp=int(time.time()) - 3600)),
    "just expired": lambda: mint(claims("admin", exp=int(time.time()) - 1, iat=int(time.time()) - 60)),
    "no exp": lambda: mint(claims("admin", exp=None)),
    "no iat": lambda: mint(claims("admin", iat=None)),
    "no sub": lambda: mint(claims("admin", sub=None)),
    "no issuer": lambda: mint(claims("admin", iss=None)),
    "not yet valid": lambda: mint(claims("admin", nbf=int(time.time()) + 600)),
    "issued in the future": lambda: mint(claims("admin", iat=int(time.time()) + 600)),
    "another issuer": lambda: mint(claims("admin", iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other")),
    "issuer with a suffix": lambda: mint(claims("admin", iss=ISSUER + ".evil.example")),
    "an empty part": lambda: mint(claims("admin")).replace(".", "..", 1),
    "another client": lambda: mint(claims("admin", client_id="someoneelse")),
    "no client": lambda: mint(claims("admin", client_id=None, aud=CLIENT_ID)),
    "client as a list": lambda: mint(claims("admin", client_id=[CLIENT_ID])),
    "id token": lambda: mint(claims("admin", token_use="id", client_id=None, aud=CLIENT_ID)),
    "id token with a client": lambda: mint(claims("admin", token_use="id")),
    "refresh token": lambda: mint(claims("admin", token_use="refresh")),
    "with an audience": lambda: mint(claims("admin", aud="another")),
    "unknown kid": lambda: resigned(kid="unknown"),
    "kid is a path": lambda: resigned(kid="../../dev/null"),
    "no kid": lambda: resigned(kid=None),
    "kid is empty": lambda: resigned(kid=""),
    "embedded key": lambda: mint(claims("admin"), key="another", headers={"jwk": key_set(name="another")["keys"][0]}),
    "key address": lambda: resigned(jku="https://evil.example/jwks.json"),
    "certificate address": lambda: resigned(x5u="https://evil.example/cert.pem"),
    "critical extension": lambda: resigned(crit=["exp"]),
    "detached payload": detached,
    "another type": lambda: resigned(typ="at+jwt"),
    "groups as a string": lambda: mint(claims() | {"cognito:groups": "admin"}),
    "groups of numbers": lambda: mint(claims() | {"cognito:groups": ["admin", 1]}),
    "groups as an object": lambda: mint(claims() | {"cognito:groups": {"admin": True}}),
    "exp as a string": lambda: mint(claims("admin") | {"exp": str(int(time.time()) + 3600)}),
    "exp 1e30": lambda: mint(claims("admin") | {"exp": 1e30}),
    "exp infinite": lambda: mint(claims("admin") | {"exp": math.inf}),
    "exp not a number": lambda: mint(claims("admin") | {"exp": math.nan}),
    "exp null": lambda: mint(claims("admin") | {"exp": None}),
    "nbf infinite": lambda: mint(claims("admin") | {"nbf": math.inf}),
    "header is no UTF-8": lambda: f"{encoded(bytes([255, 254]))}.e30.e30",
    "exp very far": lambda: mint(claims("admin") | {"exp": int(time.time()) + 10 * 365 * 86_400}),
    "exp beyond every clock": lambda: mint(claims("admin") | {"exp": 10**40}),
    "exp true": lambda: mint(claims("admin") | {"exp": True, "iat": 0}),
    "iat as a string": lambda: mint(claims("admin") | {"iat": str(int(time.time()))}),
    "ends before it begins": lambda: mint(claims("admin", iat=int(time.time()) + 4, exp=int(time.time()) + 3)),
    "subject is no UUID": lambda: mint(claims("admin", sub="admin")),
    "subject in another spelling": lambda: mint(claims("admin", sub="{01981b2e-7c3a-7d41-9a55-0242ac120002}")),
    "empty signature": lambda: mint(claims("admin")).rsplit(".", 1)[0] + ".",
    "four parts": lambda: mint(claims("admin")) + ".x",
    "two parts": lambda: mint(claims("admin")).rsplit(".", 1)[0],
    "PS256": lambda: mint(claims("admin"), algorithm="PS256"),
    "RS512": lambda: mint(claims("admin"), algorithm="RS512"),
    "newline at the end": lambda: mint(claims("admin")) + "\n",
    "newline inside": lambda: mint(claims("admin")).replace(".", "\n.", 1),
    "padding": lambda: mint(claims("admin")) + "=",
    "200 KB": lambda: mint(claims("admin", filler="x" * 200_000)),
    "deep header": lambda: f"{encoded(b'[' * 6000)}.e30.e30",
    "header is a list": lambda: f"{encoded(b'[]')}.e30.e30",
    "no JSON at all": lambda: "a.b.c",
    "not a token": lambda: "null",
}

ON_THE_MACHINE: dict[str, Callable[[], str]] = {
    "machine without scope": lambda: mint(machine_claims(scope=None)),
    "machine with an empty scope": lambda: mint(machine_claims(scope="")),
    "machine with a wrong scope": lambda: mint(machine_claims(scope="episode-metadata/reports")),
    "machine with another server's scope": lambda: mint(machine_claims(scope="another/system")),
    "machine with the scope's bare name": lambda: mint(machine_claims(scope="system")),
    "machine with a longer scope": lambda: mint(machine_claims(scope=f"{MACHINE_SCOPE}atic")),
    "machine with a scope before which something stands": lambda: mint(machine_claims(scope=f"x{MACHINE_SCOPE}")),
    "machine with a scope in capitals": lambda: mint(machine_claims(scope=MACHINE_SCOPE.upper())),
    "machine with scopes between tabs": lambda: mint(machine_claims(scope=f"other\t{MACHINE_SCOPE}")),
    "machine with other scopes alone": lambda: mint(machine_claims(scope="another/system openid email")),
    "machine with a list of scopes": lambda: mint(machine_claims(scope=[MACHINE_SCOPE])),
    "machine with an object of scopes": lambda: mint(machine_claims(scope={MACHINE_SCOPE: True})),
    "machine whose subject is another client": lambda: mint(machine_claims(sub="4another2client0of5this9pl")),
    "machine whose subject is a person": lambda: mint(machine_claims(sub=str(uuid4()))),
    "machine whose subject is a client of people": lambda: mint(machine_claims(sub=CLIENT_ID)),
    "machine without subject": lambda: mint(machine_claims(sub=None)),
    "machine in a group": lambda: mint(machine_claims(**{"cognito:groups": ["admin"]})),
    "machine in a group called system": lambda: mint(machine_claims(**{"cognito:groups": ["system"]})),
    "machine in no group, but with the list of them": lambda: mint(machine_claims(**{"cognito:groups": []})),
    "machine with groups that are null": lambda: mint(machine_claims() | {"cognito:groups": None}),
    "machine of another pool": lambda: mint(machine_claims(iss=f"{ISSUER}2")),
    "machine signed by another pool": lambda: mint(machine_claims(), key="another"),
    "another machine": lambda: mint(
        machine_claims(sub="4another2client0of5this9pl", client_id="4another2client0of5this9pl")
    ),
    "client of people signed in as itself": lambda: mint(machine_claims(sub=CLIENT_ID, client_id=CLIENT_ID)),
    "machine's id token": lambda: mint(machine_claims(token_use="id")),
    "machine's id token with an audience": lambda: mint(machine_claims(token_use="id", aud=MACHINE_CLIENT_ID)),
    "machine with an audience": lambda: mint(machine_claims(aud=MACHINE_CLIENT_ID)),
    "machine's expired token": lambda: mint(machine_claims(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600)),
    "machine's token for ten years": lambda: mint(machine_claims(exp=int(time.time()) + 10 * 365 * 86_400)),
    "person through the machine client": of_a_person,
    "person through the machine client, without groups": lambda: of_a_person(**{"cognito:groups": []}),
    "list of clients with the machine's": lambda: mint(machine_claims(client_id=[MACHINE_CLIENT_ID])),
}

ATTACKS = ON_PEOPLE | ON_THE_MACHINE
