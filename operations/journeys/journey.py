"""What all journeys are: steps in their order, each timed, up to the first that does not go well."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from operations.client.access_tokens import USER_ROLES, Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.terminal.command_errors import CommandError

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


class Journey(ABC):
    """One run through a platform, as people make it: who is there, who signs in, and the steps of a kind."""

    roles: ClassVar[tuple[Role, ...]] = USER_ROLES
    """Who signs in."""

    def __init__(self, api: PlatformApi, sign_in: Callable[[Role], str]) -> None:
        self._api, self._sign_in = api, sign_in
        self._tokens: dict[Role, str] = {}
        self._thumbnails: list[FetchedThumbnail] = []

    def run(self, before_step: Callable[[str], None]) -> JourneyResult:
        """Makes the steps in order; the first that fails is the last that is made."""
        made: list[JourneyStep] = []
        for name, step in (("health", self._check_health), ("sign in", self._sign_in_all), *self._steps()):
            before_step(name)
            made.append(_made(name, step))
            if not made[-1].ok:
                break
        return JourneyResult(ok=made[-1].ok, steps=made, thumbnails=self._thumbnails)

    @abstractmethod
    def _steps(self) -> Steps:
        """What is done once everybody has signed in."""

    def _check_health(self) -> str:
        return f"status {self._api.get('/health')['status']}"

    def _sign_in_all(self) -> str:
        self._tokens = {role: self._sign_in(role) for role in self.roles}
        return ", ".join(self._tokens)

    def _create(self, role: Role, plural: str, noun: str, body: Mapping[str, Any]) -> str:
        """The id of a new record."""
        made: str = self._api.post(f"/api/v1/{plural}", body, token=self._tokens[role])["data"][f"{noun}_id"]
        return made

    def _get(self, path: str, *, role: Role = Role.VIEWER) -> dict[str, Any]:
        found: dict[str, Any] = self._api.get(path, token=self._tokens[role])["data"]
        return found

    def _list(self, path: str, **query: str) -> list[dict[str, Any]]:
        """What a viewer sees of a list, on its first page."""
        found: list[dict[str, Any]] = self._api.get(path, token=self._tokens[Role.VIEWER], query=query)["data"]
        return found


def _made(name: str, step: Callable[[], str]) -> JourneyStep:
    began, ok = time.monotonic(), True
    try:
        detail = step()
    except (UnexpectedResponseError, CommandError) as error:
        ok, detail = False, str(error)
    except (KeyError, TypeError, IndexError) as error:
        ok, detail = False, f"the answer lacks what it promises: {error!r}"
    return JourneyStep(name=name, ok=ok, ms=round((time.monotonic() - began) * 1000), detail=detail)
