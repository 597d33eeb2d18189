"""How a journey is made, whatever its steps: in their order, each timed, up to the first that does not go well."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from operations.platform_api import UnexpectedAnswerError
from operations.refusals import RefusedError

Steps = Sequence[tuple[str, Callable[[], str]]]
"""Each step's name, and what makes it: it returns what was seen, or raises UnexpectedAnswerError or RefusedError."""


@dataclass(frozen=True, kw_only=True)
class JourneyStep:
    """One step as it went: `detail` is what was seen, or why it failed."""

    name: str
    ok: bool
    ms: int
    detail: str


@dataclass(frozen=True, kw_only=True)
class FetchedThumbnail:
    """A thumbnail as it was downloaded; width and height are those of the decoded image."""

    variant: str
    width: int
    height: int
    byte_count: int
    url: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class JourneyResult:
    """The whole journey. It is `ok` only if every step was made and went well."""

    ok: bool
    steps: list[JourneyStep]
    thumbnails: list[FetchedThumbnail]

    def as_data(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "ok": self.ok,
            "steps": [asdict(step) for step in self.steps],
            "thumbnails": [
                {
                    "variant": one.variant,
                    "width": one.width,
                    "height": one.height,
                    "bytes": one.byte_count,
                    "url": one.url,
                }
                for one in self.thumbnails
            ],
        }


class Journey(Protocol):
    """One run through a platform, made of steps."""

    def run(self, before_step: Callable[[str], None]) -> JourneyResult:
        """Makes the steps in order; the first that fails is the last that is made."""


def make(steps: Steps, before_step: Callable[[str], None]) -> list[JourneyStep]:
    """The steps as they went; the first that fails is the last one. There is at least one."""
    made: list[JourneyStep] = []
    for name, step in steps:
        before_step(name)
        began, ok = time.monotonic(), True
        try:
            detail = step()
        except (UnexpectedAnswerError, RefusedError) as error:
            ok, detail = False, str(error)
        except (KeyError, TypeError, IndexError) as error:
            ok, detail = False, f"the answer lacks what it promises: {error!r}"
        made.append(JourneyStep(name=name, ok=ok, ms=round((time.monotonic() - began) * 1000), detail=detail))
        if not ok:
            break
    return made
