"""Access logs of the listeners."""

import json
import threading
from pathlib import Path
from typing import Any


class AccessLog:
    """A file with one JSON object per request, in the order of the responses.

    Query strings must stay out of it, because they may carry secrets.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    def write(self, **fields: Any) -> None:
        """Append a line with these fields."""
        with self._lock, self._path.open("a") as log:
            log.write(json.dumps(fields) + "\n")
