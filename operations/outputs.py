"""`platform outputs`: what the program exports, as one flat object."""

import json
from typing import Any

from operations import running
from operations.console import Screen, facts


def outputs(environment: str, screen: Screen) -> None:
    """Shows the stack's outputs by name."""
    values = running.require(environment).outputs
    screen.result(values)
    screen.show(facts({name: _text(value) for name, value in sorted(values.items())}))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
