"""The step of a journey in which the machine client adds metadata to an episode, which people may only read."""

from collections.abc import Mapping

from operations.client.access_tokens import USER_ROLES
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.journeys.expected_activity import ExpectedActivity, token_subject
from runtime.roles import Role

METADATA = {
    "transcription": "In April the meadow turns yellow.",
    "visual_objects": [{"label": "dandelion", "confidence": 0.97}],
    "tags": ["spring", "flowers"],
}


def add_machine_metadata(
    api: PlatformApi, episode_path: str, tokens: Mapping[Role, str], activity: ExpectedActivity
) -> str:
    """Add metadata as the machine, and check that an editor can read but not add it.

    Returns:
        A summary for the journey's report.

    Raises:
        UnexpectedResponseError: The platform responds differently.
    """
    path = f"{episode_path}/metadata"
    code = api.post(path, METADATA, token=tokens[Role.EDITOR], expect=403)["errors"][0]["code"]
    created = api.post(path, METADATA, token=tokens[Role.SYSTEM])["data"]
    if created["created_by"] in {token_subject(tokens[role]) for role in USER_ROLES}:
        raise UnexpectedResponseError(f"created_by of the machine's metadata is {created['created_by']}, a person")
    activity.record(Role.SYSTEM, "create", "metadata", created["metadata_id"])
    found = [
        {name: item[name] for name in ("metadata_id", *METADATA)}
        for item in api.get(path, token=tokens[Role.EDITOR])["data"]
    ]
    if found != [{"metadata_id": created["metadata_id"], **METADATA}]:
        raise UnexpectedResponseError(f"the editor reads {found!r} instead of the machine's metadata")
    return f"added by the machine and read by an editor, who may not add any: 403 {code}"
