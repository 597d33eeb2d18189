"""Writes docs/errors.md: every code that the platform answers, what it means, and what helps.

What a code means is said once, where the code is: in the first sentence of its class, in the comment above its constant, in the
text beside its number. What a caller does about it is said here. A code of which either is missing stops the writing.
Run with `make docs`; `--check` writes nothing and fails when the page is not what would be written.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from operations.terminal.exit_codes import ExitCode
from runtime.errors import PlatformError, RetryLaterError
from runtime.features.jobs.repository import TRANSIENT_ERROR_CODES
from runtime.web import errors as web_errors

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "errors.md"
# A job's codes are constants that are named as they read, with a comment above that says what they mean.
JOB_CODE = re.compile(r'(?P<comment>(?:^# .*\n)*)^(?P<code>[A-Z]+(?:_[A-Z]+)+) = "(?P=code)"$', re.MULTILINE)
SENTENCE = re.compile(r".+?\.(?= |$)")
JOB_CODE_PLACES = ("lambda_src", "runtime/features/jobs")

REFUSAL_ADVICE = {
    "VALIDATION_ERROR": "Correct what each entry names in `field`, and send it again.",
    "UNAUTHORIZED": "Get an access token of this platform's user pool (not an id token) and send it as `Authorization: Bearer …`.",
    "FORBIDDEN": "Ask with a role that may: the operation's description names the roles.",
    "NOT_FOUND": "Check the id and the path. Deleted things are there for administrators who ask with `include_deleted=true`.",
    "METHOD_NOT_ALLOWED": "Use a method that the `Allow` header names.",
    "CONFLICT": "Read the current state, and decide anew: the message names what stands against it.",
    "PRECONDITION_FAILED": "Get the thing again, apply the change to what it is now, and send the new ETag in `If-Match`.",
    "PAYLOAD_TOO_LARGE": "Send less in one request; files go by a presigned upload.",
    "RATE_LIMIT_EXCEEDED": "Wait for the seconds in `Retry-After`.",
    "SERVICE_UNAVAILABLE": "Wait for the seconds in `Retry-After`.",
    "MEDIA_REFUSED": "Upload another file: the reason is a job's code, below.",
    "SERVER_ERROR": "Report `metadata.requestId`: the log has the cause under it.",
}
JOB_ADVICE = {
    "ATTEMPTS_EXHAUSTED": "Look into the worker's log for what ended the attempts, mend it, then `platform queue --redrive`.",
    "CORRUPT_IMAGE": "Upload a file that opens.",
    "OVER_BYTE_BUDGET": "Upload a picture with less detail, or a smaller one.",
    "RATE_LIMIT_EXCEEDED": "Once the load is gone: `platform queue --redrive`.",
    "SERVER_ERROR": "Look into the worker's log under the job's id, mend it, then `platform queue --redrive`.",
    "SERVICE_UNAVAILABLE": "Once the part is back (`platform status`): `platform queue --redrive`.",
    "SOURCE_MISSING": "Upload the file again.",
    "SUSPICIOUS_IMAGE": "Save the picture anew with an image program, and upload that.",
    "TOO_MANY_BYTES": "Upload a smaller file.",
    "TOO_MANY_PIXELS": "Scale the picture down, and upload that.",
    "TYPE_MISMATCH": "Create the upload with the type that the file has.",
    "UNSUPPORTED_FORMAT": "Convert it to JPEG, PNG, WebP or GIF, and upload that.",
}
EXIT_ADVICE = {
    ExitCode.OK: "",
    ExitCode.FAILED: "Do what the line `next:` says.",
    ExitCode.USAGE: "Correct what the message names; `--help` lists what there is.",
    ExitCode.DEGRADED: "`platform status` names the part; wait while it starts, else `platform down && platform up`.",
    ExitCode.STOPPED: "`platform up`",
    ExitCode.BUSY: "Wait until the other command has ended, and repeat.",
    ExitCode.INTERNAL: "Report it with the log that the message names.",
    ExitCode.INTERRUPTED: "Repeat it when you like.",
}
WAITING_HELPS = frozenset({ExitCode.DEGRADED, ExitCode.BUSY, ExitCode.INTERRUPTED})

PAGE_TEXT = """\
# Error codes

Made from the code by `make docs`; not edited here. Codes are stable: programs decide by them, never by a message.

## What the API answers

A refusal is `{{"errors": [{{code, message, field?}}], "metadata": {{timestamp, requestId}}}}`, with one entry for each wrong field.
What S3 itself answers to an upload (XML, with codes such as `AccessDenied` or `EntityTooLarge`) is documented by AWS.

{refusals}

## Why a job failed

The `error_code` of a job. `platform queue --redrive` moves dead letters back, which takes up again what failed for a passing cause.

{job_errors}

## What the `platform` command exits with

{exits}
"""


class CatalogueError(Exception):
    """Codes that cannot be explained, each with what is missing."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the catalogue. `retry` says whether repeating the same thing helps."""

    code: str
    status: str = ""
    meaning: str
    advice: str
    retry: str


def refusals() -> list[Entry]:
    """What the API answers, by HTTP status."""
    # The root of the tree explains all refusals; its own code is what the renderer makes of a fault.
    found = {PlatformError.code: (PlatformError.status, _first_sentence(web_errors.render_unexpected), "perhaps, once")}
    for error in _tree(PlatformError):
        if "code" in vars(error):
            helps = "yes, after the wait" if issubclass(error, RetryLaterError) else "no"
            found[error.code] = (error.status, _first_sentence(error), helps)
    for status, (code, message) in web_errors._BY_STATUS.items():
        found.setdefault(code, (status, f"{message}.", "no"))
    _require("REFUSAL_ADVICE", found, REFUSAL_ADVICE)
    return [
        Entry(code=code, status=str(status), meaning=meaning, advice=REFUSAL_ADVICE[code], retry=retry)
        for code, (status, meaning, retry) in sorted(found.items(), key=lambda item: item[1][0])
    ]


def job_errors() -> list[Entry]:
    """What stands in the `error_code` of a job that failed, by name."""
    found = {entry.code: entry.meaning for entry in refusals() if entry.code in TRANSIENT_ERROR_CODES}
    for place in JOB_CODE_PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            found |= job_codes(path.read_text(encoding="utf-8"))
    _require("JOB_ADVICE", found, JOB_ADVICE)
    return [
        Entry(
            code=code, meaning=meaning, advice=JOB_ADVICE[code], retry="yes" if code in TRANSIENT_ERROR_CODES else "no"
        )
        for code, meaning in sorted(found.items())
    ]


def job_codes(source: str) -> dict[str, str]:
    """The constants of a module that are a job's codes, with the comment above each; empty where there is none."""
    return {
        found["code"]: " ".join(line.removeprefix("#").strip() for line in found["comment"].splitlines())
        for found in JOB_CODE.finditer(source)
    }


def exits() -> list[Entry]:
    """What the `platform` command ends with, by number."""
    return [
        Entry(
            code=str(code.value),
            meaning=f"{code.meaning[0].upper()}{code.meaning[1:]}.",
            advice=EXIT_ADVICE[code],
            retry="yes" if code in WAITING_HELPS else "" if code is ExitCode.OK else "no",
        )
        for code in ExitCode
    ]


def page() -> str:
    """The whole page. Raises CatalogueError."""
    return PAGE_TEXT.format(
        refusals=_table(("Code", "HTTP", "Meaning", "What to do", "Does repeating help?"), refusals()),
        job_errors=_table(("Code", "Meaning", "What to do", "Does a redrive help?"), job_errors()),
        exits=_table(("Exit", "Meaning", "What to do", "Does repeating help?"), exits()),
    )


def main(arguments: list[str]) -> str | None:
    """Writes the page, or with `--check` compares it. Returns what is wrong, for the exit."""
    try:
        made = page()
    except CatalogueError as error:
        return str(error)
    if "--check" not in arguments:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made:
        return f"{PAGE.relative_to(ROOT)} is not what the code says: run `make docs`"
    return None


def _tree(root: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for error in root.__subclasses__():
        yield error
        yield from _tree(error)


def _first_sentence(thing: object) -> str:
    told = SENTENCE.match(" ".join((inspect.getdoc(thing) or "").split()))
    return told.group() if told else ""


def _require(name: str, meanings: Mapping[str, object], advice: Mapping[str, str]) -> None:
    missing = [
        f"{code}: its code lacks a docstring, or a comment above it" for code, told in meanings.items() if not told
    ]
    missing += [f"{code}: {name} of docs/errors.py does not say what helps" for code in meanings.keys() - advice.keys()]
    missing += [
        f"{code}: {name} of docs/errors.py explains a code that is not there"
        for code in advice.keys() - meanings.keys()
    ]
    if missing:
        raise CatalogueError("\n".join(sorted(missing)))


def _table(columns: tuple[str, ...], entries: list[Entry]) -> str:
    rows = [
        (f"`{one.code}`", *([one.status] if one.status else []), one.meaning, one.advice, one.retry) for one in entries
    ]
    cells = [[cell.replace("|", r"\|") for cell in row] for row in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
