"""DNS on this machine: the account's zones answer no query, so names are looked up in the alias records that were registered."""

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from local import ports
from local.provider.protocol import Registration


class Names:
    """The names that lead to listeners of this platform."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:route53/record:Record: notes where an alias leads. Other records have no reader here."""
        inputs = registration.inputs
        for alias in inputs.get("aliases") or ():
            with self._lock:
                self._targets[str(inputs["name"]).rstrip(".").lower()] = str(alias["name"])
        return {}

    def reach(self, url: str) -> str:
        """The address at which a URL of this account answers on this machine; itself where that is no name of ours.

        Names lead to loopback, where nothing speaks TLS: `https://api.example.com/x` becomes `http://127.0.0.1:3000/x`.
        """
        parts = urlsplit(url)
        with self._lock:
            target = self._targets.get((parts.hostname or "").lower(), parts.netloc)
        if not target.startswith(f"{ports.LOOPBACK}:"):
            return url
        return urlunsplit(parts._replace(scheme="http", netloc=target))
