"""What Schemathesis is told of this API beyond its description. Schemathesis loads this file; no test imports it."""

import json
import os
from pathlib import Path
from typing import Any

import schemathesis

from tests.runtime.api_contract.known_misfits import misfits_of

# Written by the test: who asks for which operation (`GET /api/v1/shows`), and with which Authorization.
CALLERS = json.loads(Path(os.environ["CONTRACT_CALLERS"]).read_text())
# Read by the test: which of the known misfits were met.
MET = Path(os.environ["CONTRACT_MISFITS"])


if CALLERS:

    @schemathesis.auth(refresh_interval=None)
    class WeakestCaller:
        """Each operation is asked for by the weakest role that may."""

        def get(self, _case: Any, context: Any) -> str | None:
            return CALLERS.get(context.operation.label)

        def set(self, case: Any, authorization: str, _context: Any) -> None:
            case.headers["Authorization"] = authorization


@schemathesis.hook
def filter_failure(_context: Any, failure: Any, case: Any, response: Any) -> bool:
    names = misfits_of(failure.code, case.operation.path, case.operation.label, response.status_code, response.content)
    with MET.open("a") as met:
        met.writelines(f"{name}\n" for name in sorted(names))
    return not names
