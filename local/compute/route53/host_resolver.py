"""Route 53 on this machine: host names resolved by the registered alias records, because no name server has the zones."""

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from local import ports
from local.provider.protocol import Registration


class HostResolver:
    """The host names of one platform and the listeners that they are aliases of."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}
        self._lock = threading.Lock()

    def add_record(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:route53/record:Record. Only alias records have an effect."""
        inputs = registration.inputs
        for alias in inputs.get("aliases") or ():
            with self._lock:
                self._targets[str(inputs["name"]).rstrip(".").lower()] = str(alias["name"])
        return {}

    def resolve_url(self, url: str) -> str:
        """Replace a registered host name in a URL by its loopback address; return other URLs unchanged.

        Listeners on loopback have no TLS: `https://api.example.com/x` becomes `http://127.0.0.1:3000/x`.
        """
        parts = urlsplit(url)
        with self._lock:
            target = self._targets.get((parts.hostname or "").lower(), parts.netloc)
        if not target.startswith(f"{ports.LOOPBACK}:"):
            return url
        return urlunsplit(parts._replace(scheme="http", netloc=target))
