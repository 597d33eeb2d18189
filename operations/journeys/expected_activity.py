"""The activity that a journey expects in the platform's activity log, and its verification."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from runtime.roles import Role

PAGE_SIZE = "100"


class ActivityEntry(NamedTuple):
    """An entry of the activity log; `user_id` is the subject of the user's token."""

    user_id: str
    action_type: str
    resource_type: str
    resource_id: str


class ExpectedActivity:
    """The entries that the log must contain, in order."""

    def __init__(self) -> None:
        self._entries: list[tuple[Role, str, str, str]] = []

    def record(self, role: Role, action: str, resource_type: str, *ids: str) -> None:
        """Record an action of the role's user on each of these resources."""
        self._entries += [(role, action, resource_type, resource_id) for resource_id in ids]

    def verify(self, api: PlatformApi, tokens: Mapping[Role, str]) -> str:
        """Compare the log with the recorded entries.

        The whole history of each resource is read, so that unexpected entries are found, too.

        Args:
            api: The platform's API.
            tokens: The tokens with which the actions were done.

        Returns:
            A summary of the entries.

        Raises:
            UnexpectedResponseError: An entry is wrong, missing or unexpected.
        """
        subjects = {role: token_subject(token) for role, token in tokens.items()}
        expected = [ActivityEntry(subjects[role], *rest) for role, *rest in self._entries]
        resources = dict.fromkeys((entry.resource_type, entry.resource_id) for entry in expected)
        logged: list[dict[str, Any]] = []
        for resource_type, resource_id in resources:
            logged += _history(api, tokens[Role.ADMIN], resource_type, resource_id)
        # The ids of entries are ordered by time.
        logged.sort(key=lambda entry: entry["activity_log_id"])
        found = [ActivityEntry(*(entry[name] for name in ActivityEntry._fields)) for entry in logged]
        for position, (entry, wanted) in enumerate(zip(found, expected, strict=False), start=1):
            if entry != wanted:
                raise UnexpectedResponseError(
                    f"entry {position} of the log is {_describe(entry)} instead of {_describe(wanted)}"
                )
        if len(found) != len(expected):
            raise UnexpectedResponseError(f"the log has {len(found)} entries instead of {len(expected)}")
        return f"{len(found)} entries on {len(resources)} resources, in order, each with the right user"


def token_subject(token: str) -> str:
    """Return a token's subject, without verifying the token: the platform does that.

    Raises:
        UnexpectedResponseError: The token is not a JWT with a subject.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UnexpectedResponseError("the token is not a JWT with a subject") from error


def _history(api: PlatformApi, token: str, resource_type: str, resource_id: str) -> list[dict[str, Any]]:
    query = {"resource_type": resource_type, "resource_id": resource_id, "limit": PAGE_SIZE}
    entries: list[dict[str, Any]] = []
    while True:
        response = api.get("/api/v1/activity-logs", token=token, query=query)
        entries += response["data"]
        if not response["page"]["next"]:
            return entries
        query["cursor"] = response["page"]["next"]


def _describe(entry: ActivityEntry) -> str:
    return f"{entry.action_type} {entry.resource_type} {entry.resource_id} by {entry.user_id}"
