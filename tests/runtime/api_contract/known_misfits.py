"""What Schemathesis calls a failure and is none, each with its reason: refusals that no JSON Schema can announce.

A refusal is only forgiven where every entry of it is one of these, by operation, field and message.
"""

import json
import re
from dataclasses import dataclass

REJECTED_POSITIVE_DATA = "ST202"
UNDECLARED_METHOD = "ST204"


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """Entries of a 400 that are right although the request is as the description says. All are patterns of the whole."""

    name: str
    operation: str
    field: str
    message: str
    reason: str

    def covers(self, operation: str, entry: dict[str, str]) -> bool:
        return bool(
            re.fullmatch(self.operation, operation)
            and re.fullmatch(self.field, entry.get("field", ""))
            and re.fullmatch(self.message, entry["message"])
        )


MISFITS = (
    Misfit(
        name="foreign cursor",
        operation="GET .*",
        field=r"query\.cursor",
        message="Invalid cursor for this sort order",
        reason="A cursor is the API's own; what it looks like is nobody's business.",
    ),
    Misfit(
        name="key of another request",
        operation="POST .*",
        field=r"header\.idempotency-key",
        message="This key was used for another request",
        reason="Whether a key is new is in no schema.",
    ),
    Misfit(
        name="NUL in a body",
        operation="(POST|PUT|PATCH) .*",
        field="body",
        message="The body is not valid JSON: a string contains NUL",
        reason="It holds for every string at any depth, those of free objects and names of fields among them.",
    ),
    Misfit(
        name="NUL in an address",
        operation=".*",
        field=r"(query|path)\..*",
        message="Must not contain NUL",
        reason="It holds for every text in an address.",
    ),
    Misfit(
        name="number beyond what is stored",
        operation="(POST|PUT|PATCH) .*",
        field="body",
        message="The body is not valid JSON: (an integer has more than 19 digits|a number is too large)",
        reason="It holds for every number at any depth, those of free objects among them.",
    ),
    Misfit(
        name="whole number with a point",
        operation="(POST|PUT|PATCH) .*",
        field=r"body\..*",
        message="Input should be a valid integer",
        reason="JSON Schema takes 1.0 for an integer; numbers are taken here as they are written.",
    ),
    Misfit(
        name="text that is not JSON",
        operation="GET /api/v1/outfits",
        field=r"query\.(top|bottom|shoes|accessories|jewellery|hair|makeup)",
        message="Must be a JSON object, such as .*",
        reason="A parameter that is a JSON text: no pattern tells one.",
    ),
    Misfit(
        name="host that is none",
        operation="(POST|PUT|PATCH) .*",
        field=r"body\.(poster_url|video_url|social_links\..*)",
        message="Must be an https:// URL, such as .*",
        reason="What may be a host (IDNA, ports, lengths of labels) is more than a pattern tells.",
    ),
    Misfit(
        name="guest of a clip without one",
        operation=r"(POST /api/v1/clips|(PUT|PATCH) /api/v1/clips/\{clip_id\})",
        field=r"body\.guest_id",
        message="Only allowed if talent_source is Guest",
        reason="With PUT and PATCH it depends on what is stored.",
    ),
    Misfit(
        name="one of two fields",
        operation=r"POST /api/v1/(episodes|clips/tag|episodes/\{episode_id\}/script-versions)",
        field=r"body\.(title|show_id|add|remove|script_text)",
        message="Required unless (episode_title|show_name|script_file_reference) is sent|Send at least one tag in .*"
        "|A tag must not be in both .*",
        reason="Fields that stand for each other, null among their values: their descriptions say it in words.",
    ),
    Misfit(
        name="two names that disagree",
        operation=r"(POST|PUT|PATCH) /api/v1/episodes(/\{episode_id\})?",
        field=r"body\..*",
        message="Must agree with .*",
        reason="Two names of one thing must agree; the body's description says so.",
    ),
    Misfit(
        name="time before 1970",
        operation=r"(POST|PUT) /api/v1/episodes/\{episode_id\}/metadata",
        field=r"body\.extraction_timestamp",
        message="Input should be (greater than or equal to 1970|less than 9999).*",
        reason="A schema has no bounds for times.",
    ),
    Misfit(
        name="text that is no file of records",
        operation="POST /api/v1/(episodes|clips)/import",
        field="body|header.content-type",
        message=".*",
        reason="A body in CSV or in lines of JSON is one string to a schema.",
    ),
    Misfit(
        name="bytes that are no picture",
        operation="POST /api/v1/files/upload",
        field=r"body\.(file|file_type|file_name|byte_count)",
        message=".*",
        reason="What a file holds, and its header in the form, is in no schema.",
    ),
    Misfit(
        name="If-Match that is none",
        operation=".*",
        field=r"header\.if-match",
        message="If-Match must be a list of entity tags, .*",
        reason="While the coverage phase varies another header it keeps an If-Match of 0, against its own pattern. That the "
        "pattern is what is checked is tested with the changes of shows.",
    ),
)

# Names that stand where ids do. With a method that only ids have, they are read as one, and refused as none.
_NAMES_AMONG_IDS = re.compile(
    r"/api/v1/(clips/(assign|tag|import|export|duplicates)|episodes/(import|export)|files/upload"
    r"|(jobs|processing-queue)/(retry|stats)|search/index|users/me)"
)
_READ_AS_ID = (re.compile(r"path\.\w+_id"), "Input should be a valid UUID")
# A kind of thing to search takes the place of an id there, and is looked at after the query.
_READ_AS_KIND = (re.compile(r"query\.q"), "Field required")


def misfits_of(code: str, path: str, operation: str, status: int, content: bytes) -> set[str]:
    """The names of the misfits that this failure is made of; none unless they explain it whole."""
    if status != 400 or code not in (REJECTED_POSITIVE_DATA, UNDECLARED_METHOD):
        return set()
    entries = json.loads(content)["errors"]
    if code == UNDECLARED_METHOD:
        said = [(entry.get("field", ""), entry["message"]) for entry in entries]
        is_read_so = any(
            field.fullmatch(name) and text == message
            for field, message in (_READ_AS_ID, _READ_AS_KIND)
            for name, text in said
        )
        return {"name among ids"} if is_read_so and _NAMES_AMONG_IDS.fullmatch(path) else set()
    found = [next((misfit.name for misfit in MISFITS if misfit.covers(operation, entry)), None) for entry in entries]
    return {name for name in found if name} if all(found) else set()
