"""CloudFront on this machine: registered distributions of buckets, served on loopback."""

import threading
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local import ports
from local.account import LocalAccount
from local.compute.cloudfront.distribution_application import DistributionApplication
from local.compute.cloudfront.distribution_definition import CachePolicy, ReferencedResources, UnsupportedInputError
from local.compute.http.loopback_server import LoopbackServer
from local.errors import RegistrationError
from local.provider.protocol import Registration


class Distributions:
    """The distributions of one platform. The first is served on `port` (0: any free one), each further one on a free port."""

    def __init__(self, account: LocalAccount, *, port: int = 0) -> None:
        self._account, self._port = account, port
        self._resources = ReferencedResources()
        self._servers: list[LoopbackServer] = []
        self._lock = threading.Lock()

    def add_origin_access_control(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:cloudfront/originAccessControl:OriginAccessControl.

        Raises:
            RegistrationError: It does not sign all requests to S3.
        """
        inputs = registration.inputs
        if (inputs.get("originAccessControlOriginType"), inputs.get("signingBehavior")) != ("s3", "always"):
            raise RegistrationError(registration.urn, "signingBehavior: must be always, for the origin type s3")
        self._resources.access_controls.add(registration.id)
        return {}

    def add_cache_policy(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:cloudfront/cachePolicy:CachePolicy.

        Raises:
            RegistrationError: An input is not supported on this machine.
        """
        try:
            self._resources.cache_policies[registration.id] = CachePolicy.read(registration.inputs)
        except UnsupportedInputError as error:
            raise RegistrationError(registration.urn, str(error)) from error
        return {}

    def add_response_headers_policy(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy."""
        self._resources.headers_policies[registration.id] = registration.inputs
        return {}

    def add_public_key(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:cloudfront/publicKey:PublicKey.

        Raises:
            RegistrationError: It is not an RSA key in PEM format.
        """
        try:
            key = load_pem_public_key(str(registration.inputs.get("encodedKey")).encode())
        except ValueError as error:
            raise RegistrationError(registration.urn, "encodedKey: must be a public key in PEM format") from error
        if not isinstance(key, rsa.RSAPublicKey):
            raise RegistrationError(registration.urn, "encodedKey: only RSA keys are supported on this machine")
        self._resources.public_keys[registration.id] = key
        return {}

    def add_key_group(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:cloudfront/keyGroup:KeyGroup.

        Raises:
            RegistrationError: A key is not registered.
        """
        keys = self._resources.public_keys
        if unknown := [key for key in registration.inputs.get("items") or () if key not in keys]:
            raise RegistrationError(registration.urn, f"items: no public key is registered as {', '.join(unknown)}")
        self._resources.key_groups[registration.id] = {key: keys[key] for key in registration.inputs["items"]}
        return {}

    def serve(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:cloudfront/distribution:Distribution, and start to serve it.

        The outputs differ from AWS's: the domain name is a loopback address, there are no aliases, which would not resolve here,
        and viewers use plain HTTP.

        Raises:
            PortTakenError: Another program listens on the port.
            RegistrationError: An input is not supported on this machine, or names a resource that is not registered.
            ProcessFailedError: The listener did not start.
        """
        try:
            definition = self._resources.define(registration.id, registration.inputs, registration.outputs)
        except UnsupportedInputError as error:
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
        """Stop serving, after a short time for requests in progress, and free the ports. May be called more than once."""
        with self._lock:
            servers, self._servers = self._servers, []
        for server in servers:
            server.close()
