"""Journeys in general: an ordered list of timed steps, up to the first that fails."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from operations.client.access_tokens import USER_ROLES
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.terminal.command_errors import CommandError
from runtime.roles import Role

Steps = Sequence[tuple[str, Callable[[], str]]]
"""Names of steps and their functions. A function returns a result for people, or raises UnexpectedResponseError or
CommandError."""


@dataclass(frozen=True, kw_only=True)
class JourneyStep:
    """The result of a step; `detail` is what was observed, or why the step failed."""

    name: str
    ok: bool
    ms: int
    detail: str


@dataclass(frozen=True, kw_only=True)
class FetchedThumbnail:
    """A downloaded thumbnail; width and height are those of the decoded image."""

    variant: str
    width: int
    height: int
    byte_count: int
    url: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class JourneyResult:
    """The result of a journey; `ok` if all steps succeeded."""

    ok: bool
    steps: list[JourneyStep]
    thumbnails: list[FetchedThumbnail]

    def as_data(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "ok": self.ok,
            "steps": [asdict(step) for step in self.steps],
            "thumbnails": [
                {
                    "variant": thumbnail.variant,
                    "width": thumbnail.width,
                    "height": thumbnail.height,
                    "bytes": thumbnail.byte_count,
                    "url": thumbnail.url,
                }
                for thumbnail in self.thumbnails
            ],
        }


class Journey(ABC):
    """A run of a journey on one platform."""

    roles: ClassVar[tuple[Role, ...]] = USER_ROLES
    """The roles that sign in."""

    def __init__(self, api: PlatformApi, sign_in: Callable[[Role], str]) -> None:
        self._api, self._sign_in = api, sign_in
        self._tokens: dict[Role, str] = {}
        self._thumbnails: list[FetchedThumbnail] = []

    def run(self, before_step: Callable[[str], None]) -> JourneyResult:
        """Run the steps in order, up to the first that fails.

        Args:
            before_step: Called with each step's name before it runs.
        """
        results: list[JourneyStep] = []
        for name, step in (("health", self._check_health), ("sign in", self._sign_in_all), *self._steps()):
            before_step(name)
            results.append(_run_step(name, step))
            if not results[-1].ok:
                break
        return JourneyResult(ok=results[-1].ok, steps=results, thumbnails=self._thumbnails)

    @abstractmethod
    def _steps(self) -> Steps:
        """Return the steps that follow the sign-in."""

    def _check_health(self) -> str:
        return f"status {self._api.get('/health')['status']}"

    def _sign_in_all(self) -> str:
        self._tokens = {role: self._sign_in(role) for role in self.roles}
        return ", ".join(self._tokens)

    def _create(self, role: Role, plural: str, noun: str, body: Mapping[str, Any]) -> str:
        """Create a record and return its id."""
        record_id: str = self._api.post(f"/api/v1/{plural}", body, token=self._tokens[role])["data"][f"{noun}_id"]
        return record_id

    def _get(self, path: str, *, role: Role = Role.VIEWER) -> dict[str, Any]:
        found: dict[str, Any] = self._api.get(path, token=self._tokens[role])["data"]
        return found

    def _list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the first page of a list, as a viewer sees it."""
        found: list[dict[str, Any]] = self._api.get(path, token=self._tokens[Role.VIEWER], query=query)["data"]
        return found


def _run_step(name: str, step: Callable[[], str]) -> JourneyStep:
    began, ok = time.monotonic(), True
    try:
        detail = step()
    except (UnexpectedResponseError, CommandError) as error:
        ok, detail = False, str(error)
    except (KeyError, TypeError, IndexError) as error:
        ok, detail = False, f"the response lacks a field: {error!r}"
    return JourneyStep(name=name, ok=ok, ms=round((time.monotonic() - began) * 1000), detail=detail)
