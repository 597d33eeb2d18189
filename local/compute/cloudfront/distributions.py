"""CloudFront on this machine: distributions over buckets, served from their registrations, on loopback."""

import threading
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local import ports
from local.account import LocalAccount
from local.compute.cloudfront.distribution_application import DistributionApplication
from local.compute.cloudfront.distribution_definition import CachePolicy, Parts, UnservedError
from local.compute.http.loopback_server import LoopbackServer
from local.errors import RegistrationError
from local.provider.protocol import Registration


class Distributions:
    """The distributions of one platform. The first gets `port` (0: any free one), each further one a free one."""

    def __init__(self, account: LocalAccount, *, port: int = 0) -> None:
        self._account, self._port = account, port
        self._parts = Parts()
        self._servers: list[LoopbackServer] = []
        self._lock = threading.Lock()

    def add_origin_access_control(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:cloudfront/originAccessControl:OriginAccessControl. Raises RegistrationError unless it signs for S3."""
        inputs = registration.inputs
        if (inputs.get("originAccessControlOriginType"), inputs.get("signingBehavior")) != ("s3", "always"):
            raise RegistrationError(
                registration.urn, "signingBehavior: only buckets, whose requests are always signed, are served here"
            )
        self._parts.access_controls.add(registration.id)
        return {}

    def add_cache_policy(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:cloudfront/cachePolicy:CachePolicy. Raises RegistrationError for what is not served here."""
        try:
            self._parts.cache_policies[registration.id] = CachePolicy.read(registration.inputs)
        except UnservedError as error:
            raise RegistrationError(registration.urn, str(error)) from error
        return {}

    def add_response_headers_policy(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy."""
        self._parts.headers_policies[registration.id] = registration.inputs
        return {}

    def add_public_key(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:cloudfront/publicKey:PublicKey. Raises RegistrationError for anything but an RSA key."""
        try:
            key = load_pem_public_key(str(registration.inputs.get("encodedKey")).encode())
        except ValueError as error:
            raise RegistrationError(registration.urn, "encodedKey: it is no public key in PEM") from error
        if not isinstance(key, rsa.RSAPublicKey):
            raise RegistrationError(registration.urn, "encodedKey: only RSA signatures are read on this machine")
        self._parts.public_keys[registration.id] = key
        return {}

    def add_key_group(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:cloudfront/keyGroup:KeyGroup. Raises RegistrationError for a key that is not registered."""
        keys = self._parts.public_keys
        if unknown := [key for key in registration.inputs.get("items") or () if key not in keys]:
            raise RegistrationError(registration.urn, f"items: no public key is registered as {', '.join(unknown)}")
        self._parts.key_groups[registration.id] = {key: keys[key] for key in registration.inputs["items"]}
        return {}

    def serve(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:cloudfront/distribution:Distribution: from here on it answers at the address that is its output.

        It answers by plain HTTP and under no alias, since nothing here resolves one, and its outputs say so. Raises
        PortTakenError, or RegistrationError for what is not served on this machine.
        """
        try:
            definition = self._parts.define(registration.id, registration.inputs, registration.outputs)
        except UnservedError as error:
            raise RegistrationError(registration.urn, str(error)) from error
        with self._lock:
            server = LoopbackServer(f"distribution-{registration.id}", port=0 if self._servers else self._port)
            self._servers.append(server)
        server.start(DistributionApplication(self._account, definition, port=server.port))
        return {
            "domainName": f"{ports.LOOPBACK}:{server.port}",
            "aliases": [],
            "defaultCacheBehavior": {
                **registration.inputs["defaultCacheBehavior"],
                "viewerProtocolPolicy": "allow-all",
            },
            "status": "Deployed",
        }

    def close(self) -> None:
        """Stops answering: requests at work get a moment to end, ports are free afterwards. May be called again."""
        with self._lock:
            servers, self._servers = self._servers, []
        for server in servers:
            server.close()
