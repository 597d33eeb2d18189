"""What a journey wrote, as it knows it, compared with what the platform's log of activity says."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from operations.client.access_tokens import Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError

PAGE = "100"


class Entry(NamedTuple):
    """One thing that was done, by the user with this subject."""

    user_id: str
    action_type: str
    resource_type: str
    resource_id: str


class ExpectedActivity:
    """What was written so far, in order."""

    def __init__(self) -> None:
        self._written: list[tuple[Role, str, str, str]] = []

    def note(self, role: Role, action: str, resource_type: str, *ids: str) -> None:
        """What this role's user did, to one thing after the other."""
        self._written += [(role, action, resource_type, one) for one in ids]

    def compare(self, api: PlatformApi, tokens: Mapping[Role, str]) -> str:
        """What was seen. Raises UnexpectedAnswerError for the first entry that is not the one that was noted.

        `tokens` are those with which it was done. The whole history of each thing is read, so that also an entry that nobody
        noted is found.
        """
        subjects = {role: subject(token) for role, token in tokens.items()}
        written = [Entry(subjects[role], *rest) for role, *rest in self._written]
        things = dict.fromkeys((entry.resource_type, entry.resource_id) for entry in written)
        logged: list[dict[str, Any]] = []
        for resource_type, resource_id in things:
            logged += _history(api, tokens[Role.ADMIN], resource_type, resource_id)
        # Ids are made in the order of time.
        logged.sort(key=lambda entry: entry["activity_log_id"])
        seen = [Entry(*(entry[name] for name in Entry._fields)) for entry in logged]
        for place, (found, expected) in enumerate(zip(seen, written, strict=False), start=1):
            if found != expected:
                raise UnexpectedResponseError(f"entry {place} of the log is {_told(found)}, not {_told(expected)}")
        if len(seen) != len(written):
            raise UnexpectedResponseError(f"the log has {len(seen)} entries of it, not {len(written)}")
        return f"{len(seen)} entries about {len(things)} things, in order, each by who did it"


def subject(token: str) -> str:
    """Whose token it is. Read off it, not verified: the platform does that. Raises UnexpectedAnswerError for what is no JWT."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UnexpectedResponseError("the token is no JWT with a subject") from error


def _history(api: PlatformApi, token: str, resource_type: str, resource_id: str) -> list[dict[str, Any]]:
    query = {"resource_type": resource_type, "resource_id": resource_id, "limit": PAGE}
    found: list[dict[str, Any]] = []
    while True:
        answer = api.get("/api/v1/activity-logs", token=token, query=query)
        found += answer["data"]
        if not answer["page"]["next"]:
            return found
        query["cursor"] = answer["page"]["next"]


def _told(entry: Entry) -> str:
    return f"{entry.action_type} {entry.resource_type} {entry.resource_id} by {entry.user_id}"
