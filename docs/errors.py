"""Write docs/errors.md: every error code of the platform, its meaning, and what to do about it.

The meaning of a code is in the code: the first sentence of its class, the comment above its constant, the text beside its number.
What a caller should do is in the tables below. A code that lacks either is an error.
Run by `make docs`; `--check` writes nothing and fails when the page is stale.
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
# The codes of jobs are constants whose name is their value, with a comment above that gives the meaning.
JOB_CODE = re.compile(r'(?P<comment>(?:^# .*\n)*)^(?P<code>[A-Z]+(?:_[A-Z]+)+) = "(?P=code)"$', re.MULTILINE)
SENTENCE = re.compile(r".+?\.(?= |$)")
JOB_CODE_PLACES = ("lambda_src", "runtime/features/jobs")

API_ADVICE = {
    "VALIDATION_ERROR": "Correct what each entry names in `field`, and send it again.",
    "UNAUTHORIZED": "Get an access token of this platform's user pool (not an id token) and send it as `Authorization: Bearer …`.",
    "FORBIDDEN": "Use a role with the permission: [API.md](API.md#routes) lists the roles of each route.",
    "NOT_FOUND": "Check the id and the path. Administrators see deleted records with `include_deleted=true`.",
    "METHOD_NOT_ALLOWED": "Use a method that the `Allow` header names.",
    "CONFLICT": "Read the current state and decide again: the message names the conflict.",
    "PRECONDITION_FAILED": "Read the record again, apply the change to its current version, and send the new ETag in `If-Match`.",
    "PAYLOAD_TOO_LARGE": "Send less in one request; use a presigned upload for files.",
    "RATE_LIMIT_EXCEEDED": "Wait for the seconds in `Retry-After`.",
    "SERVICE_UNAVAILABLE": "Wait for the seconds in `Retry-After`.",
    "MEDIA_REFUSED": "Upload another file: the reason is one of the job codes below.",
    "SERVER_ERROR": "Report `metadata.requestId`: the log contains the cause.",
}
JOB_ADVICE = {
    "ATTEMPTS_EXHAUSTED": "Find in the worker's log what ended the attempts, fix it, then `platform queue --redrive`.",
    "CORRUPT_IMAGE": "Upload a file that opens.",
    "OVER_BYTE_BUDGET": "Upload a picture with less detail, or a smaller one.",
    "RATE_LIMIT_EXCEEDED": "When the load has decreased: `platform queue --redrive`.",
    "SERVER_ERROR": "Find the job's id in the worker's log, fix the cause, then `platform queue --redrive`.",
    "SERVICE_UNAVAILABLE": "When the dependency is available again (`platform status`): `platform queue --redrive`.",
    "SOURCE_MISSING": "Upload the file again.",
    "SUSPICIOUS_IMAGE": "Save the picture with an image editor, and upload that.",
    "TOO_MANY_BYTES": "Upload a smaller file.",
    "TOO_MANY_PIXELS": "Upload a smaller version of the picture.",
    "TYPE_MISMATCH": "Declare the file's actual type when requesting the upload.",
    "UNSUPPORTED_FORMAT": "Convert it to JPEG, PNG, WebP or GIF, and upload that.",
}
EXIT_ADVICE = {
    ExitCode.OK: "",
    ExitCode.FAILED: "Follow the line `next:`.",
    ExitCode.USAGE: "Correct what the message names; `--help` lists commands and options.",
    ExitCode.DEGRADED: "`platform status` names the process; wait while it starts, otherwise `platform reset`.",
    ExitCode.STOPPED: "`platform up`",
    ExitCode.BUSY: "Wait until the other command has finished, and repeat.",
    ExitCode.INTERNAL: "Report it with the log file that the message names.",
    ExitCode.INTERRUPTED: "Repeat the command.",
}
WAITING_HELPS = frozenset({ExitCode.DEGRADED, ExitCode.BUSY, ExitCode.INTERRUPTED})

PAGE_TEXT = """\
# Error codes

Generated from the code by `make docs`; do not edit. Codes are stable: programs decide by them, never by a message.

## Error codes of the API

An error response is `{{"errors": [{{code, message, field?}}], "metadata": {{timestamp, requestId}}}}`, with one entry for each
wrong field.
Responses of S3 itself to an upload (XML, with codes such as `AccessDenied` or `EntityTooLarge`) are documented by AWS.

{api_errors}

## Error codes of jobs

The `error_code` of a failed job. `platform queue --redrive` moves dead letters back, which resumes jobs that failed with a
transient error.

{job_errors}

## Exit codes of the `platform` command

{exits}
"""


class CatalogueError(Exception):
    """Codes without a meaning or advice, each with what is missing."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the page. `retry` says whether repeating the same request helps."""

    code: str
    status: str = ""
    meaning: str
    advice: str
    retry: str


def api_errors() -> list[Entry]:
    """Return the error codes of the API, by HTTP status."""
    # The base class describes all errors; its own code is what the renderer returns for an unexpected exception.
    found = {PlatformError.code: (PlatformError.status, _first_sentence(web_errors.render_unexpected), "perhaps, once")}
    for error in _tree(PlatformError):
        if "code" in vars(error):
            helps = "yes, after the wait" if issubclass(error, RetryLaterError) else "no"
            found[error.code] = (error.status, _first_sentence(error), helps)
    for status, (code, message) in web_errors._BY_STATUS.items():
        found.setdefault(code, (status, f"{message}.", "no"))
    _require("API_ADVICE", found, API_ADVICE)
    return [
        Entry(code=code, status=str(status), meaning=meaning, advice=API_ADVICE[code], retry=retry)
        for code, (status, meaning, retry) in sorted(found.items(), key=lambda item: item[1][0])
    ]


def job_errors() -> list[Entry]:
    """Return the values of `error_code` of failed jobs, by name."""
    found = {entry.code: entry.meaning for entry in api_errors() if entry.code in TRANSIENT_ERROR_CODES}
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
    """Return the job codes among a module's constants, with the comment above each; empty where there is none."""
    return {
        found["code"]: " ".join(line.removeprefix("#").strip() for line in found["comment"].splitlines())
        for found in JOB_CODE.finditer(source)
    }


def exits() -> list[Entry]:
    """Return the exit codes of the `platform` command, by number."""
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
    """Return the whole page.

    Raises:
        CatalogueError: Some codes lack a meaning or advice.
    """
    return PAGE_TEXT.format(
        api_errors=_table(("Code", "HTTP", "Meaning", "What to do", "Does repeating help?"), api_errors()),
        job_errors=_table(("Code", "Meaning", "What to do", "Does a redrive help?"), job_errors()),
        exits=_table(("Exit", "Meaning", "What to do", "Does repeating help?"), exits()),
    )


def main(arguments: list[str]) -> str | None:
    """Write the page, or compare it with `--check`; return an error message for the exit."""
    try:
        text = page()
    except CatalogueError as error:
        return str(error)
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        return f"{PAGE.relative_to(ROOT)} is stale: run `make docs`"
    return None


def _tree(root: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for error in root.__subclasses__():
        yield error
        yield from _tree(error)


def _first_sentence(documented: object) -> str:
    sentence = SENTENCE.match(" ".join((inspect.getdoc(documented) or "").split()))
    return sentence.group() if sentence else ""


def _require(name: str, meanings: Mapping[str, object], advice: Mapping[str, str]) -> None:
    missing = [
        f"{code}: its code lacks a docstring or a comment above it"
        for code, sentence in meanings.items()
        if not sentence
    ]
    missing += [f"{code}: {name} of docs/errors.py lacks advice" for code in meanings.keys() - advice.keys()]
    missing += [
        f"{code}: {name} of docs/errors.py has advice for a code that does not exist"
        for code in advice.keys() - meanings.keys()
    ]
    if missing:
        raise CatalogueError("\n".join(sorted(missing)))


def _table(columns: tuple[str, ...], entries: list[Entry]) -> str:
    rows = [
        (f"`{entry.code}`", *([entry.status] if entry.status else []), entry.meaning, entry.advice, entry.retry)
        for entry in entries
    ]
    cells = [[cell.replace("|", r"\|") for cell in row] for row in (columns, ["---"] * len(columns), *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
