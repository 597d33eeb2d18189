"""What a machine does in a journey: it tells what it found in the episode. An editor reads it, and cannot tell such things."""

from collections.abc import Mapping

from operations.client.access_tokens import USER_ROLES, Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.journeys.expected_activity import ExpectedActivity, subject

FOUND = {
    "transcription": "In April the meadow turns yellow.",
    "visual_objects": [{"label": "dandelion", "confidence": 0.97}],
    "tags": ["spring", "flowers"],
}


def add(api: PlatformApi, episode: str, tokens: Mapping[Role, str], trail: ExpectedActivity) -> str:
    """What was seen. `episode` is its path. Raises UnexpectedAnswerError."""
    path = f"{episode}/metadata"
    refused = api.post(path, FOUND, token=tokens[Role.EDITOR], expect=403)["errors"][0]["code"]
    made = api.post(path, FOUND, token=tokens[Role.SYSTEM])["data"]
    if made["created_by"] in {subject(tokens[role]) for role in USER_ROLES}:
        raise UnexpectedResponseError(f"what the machine found is said to be from {made['created_by']}, a person")
    trail.note(Role.SYSTEM, "create", "metadata", made["metadata_id"])
    read = api.get(path, token=tokens[Role.EDITOR])["data"]
    seen = [{name: one[name] for name in ("metadata_id", *FOUND)} for one in read]
    if seen != [{"metadata_id": made["metadata_id"], **FOUND}]:
        raise UnexpectedResponseError(f"the editor reads {seen!r} instead of what the machine found")
    return f"read by an editor, who is refused it: 403 {refused}"
