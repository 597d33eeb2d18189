"""`platform import` and `platform export`: files of episodes and clips, transferred in parts.

Both can be resumed: an import by its report, which has the result of each line so far, an export by the URL of its next part.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from operations.client import access_tokens, aws_isolation
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.client.record_files import FileFormat, Part, read_text, split_into_parts
from operations.client.remote_platform import RemotePlatform
from operations.client.retry_policy import RetryPolicy
from operations.state import platform_status
from operations.state.files import write_atomically
from operations.terminal import termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode
from runtime.roles import Role

STATUSES = ("created", "updated", "unchanged", "skipped", "refused")
MAX_LISTED_ERRORS = 20
# For each part: a run as a whole may take as long as its file needs.
RETRY_SECONDS = 300.0
MAX_FAULTS = 10


class RecordKind(StrEnum):
    """Records that can be imported and exported."""

    EPISODES = "episodes"
    CLIPS = "clips"


@dataclass(frozen=True, kw_only=True)
class PlatformConnection:
    """The address of a platform, and how to sign in there."""

    base_url: str
    sign_in: Callable[[Role], str]
    is_remote: bool

    @classmethod
    def of(cls, environment: str, remote: RemotePlatform | None) -> "PlatformConnection":
        """Return the connection to the remote platform if there is one, otherwise to the local platform.

        Raises:
            CommandError: Tokens are missing, or the local platform is not running.
        """
        if remote:
            remote.require_tokens()
            return cls(base_url=remote.base_url, sign_in=remote.token, is_remote=True)
        aws_isolation.isolate_aws_environment()
        state = platform_status.require_running(environment)
        if state.endpoints is None:
            raise RuntimeError("the state of a running platform has no endpoints")
        return cls(
            base_url=state.endpoints.api,
            sign_in=lambda role: access_tokens.issue(state, role).token,
            is_remote=False,
        )

    def open(self) -> PlatformApi:
        """Return a client for the API."""
        return PlatformApi(self.base_url, is_remote=self.is_remote)


def import_records(
    kind: RecordKind,
    path: Path,
    platform: PlatformConnection,
    screen: Screen,
    *,
    skip_existing: bool,
    report_path: Path | None = None,
) -> ExitCode:
    """Import the records of a file, and write the result of each line to a report; an interrupted import is resumed.

    Returns:
        FAILED if a line was rejected.
    """
    file_format = FileFormat.from_path(path)
    parts = split_into_parts(read_text(path), file_format, path)
    report = Report(report_path or path.with_name(path.name + ".report.ndjson"))
    completed = report.completed_parts()
    remaining = [part for part in parts if part.idempotency_key not in completed]
    with platform.open() as api, _resumable():
        token = platform.sign_in(Role.ADMIN)
        query = {"skip_existing": "true"} if skip_existing else {}
        url, media_type = f"/api/v1/{kind}/import", file_format.media_type
        send = partial(api.send_file, url, media_type=media_type, token=token, query=query)
        for part in _with_progress_bar(remaining, f"import {kind}", screen):
            request = partial(send, content=part.content, idempotency_key=part.idempotency_key)
            response = _retry_policy(screen)(request)
            report.add(part, response["data"]["lines"])
    keys = [part.idempotency_key for part in parts]
    return _show_result(kind, report, keys, screen, completed_before=len(parts) - len(remaining))


def export_records(kind: RecordKind, path: Path, platform: PlatformConnection, screen: Screen) -> ExitCode:
    """Export all records to a file, newest first; an interrupted export is resumed with the next part."""
    file_format = FileFormat.from_path(path)
    partial_file, checkpoint = path.with_name(path.name + ".part"), path.with_name(path.name + ".next")
    start = (f"/api/v1/{kind}/export?format={file_format.value}", 0)
    url, written = _read_checkpoint(partial_file, checkpoint) or start
    resumed = written > 0
    with platform.open() as api, partial_file.open("ab") as file, _resumable():
        token = platform.sign_in(Role.VIEWER)
        # A part that was written after the last checkpoint is fetched again.
        file.truncate(written)
        while url:
            content, url = _retry_policy(screen)(partial(api.fetch_file, url, token=token))
            file.write(content)
            file.flush()
            written += len(content)
            write_atomically(checkpoint, json.dumps({"next": url, "bytes": written}))
            screen.note(f"platform: {written:,} bytes of {kind}")
    partial_file.replace(path)
    checkpoint.unlink()
    records = sum(len(part.lines) for part in split_into_parts(read_text(path), file_format, path))
    screen.write_json({"noun": kind.value, "file": str(path), "records": records, "resumed": resumed})
    screen.show(f"{records:,} {kind} in {path}")
    return ExitCode.OK


def _retry_policy(screen: Screen) -> RetryPolicy:
    """Return the policy for one part."""
    return RetryPolicy(RETRY_SECONDS, lambda message: screen.note(f"platform: {message}"), max_faults=MAX_FAULTS)


@contextmanager
def _resumable() -> Iterator[None]:
    """Turn a failed request into an error that tells to repeat the command; termination signals end the block."""
    try:
        with termination_signals.handled(termination_signals.raise_keyboard_interrupt):
            yield
    except UnexpectedResponseError as error:
        raise CommandError(str(error), next_step="repeat the command: it resumes where it stopped") from error


def _read_checkpoint(partial_file: Path, checkpoint: Path) -> tuple[str, int] | None:
    """Return the URL of the next part and the number of valid bytes; None without a usable checkpoint."""
    try:
        recorded = json.loads(checkpoint.read_text(encoding="utf-8"))
        is_usable = partial_file.stat().st_size >= recorded["bytes"]
        return (recorded["next"], recorded["bytes"]) if is_usable else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Report:
    """The results of an import, one JSON object per line of the file; after each part, an object that completes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def completed_parts(self) -> set[str]:
        """Return the keys of the completed parts."""
        return {entry["part"] for entry in self._entries() if "part" in entry}

    def add(self, part: Part, lines: list[dict[str, Any]]) -> None:
        """Append the results of a part, with line numbers of the whole file."""
        results = [{**line, "line": number} for number, line in zip(part.lines, lines, strict=True)]
        with self.path.open("a", encoding="utf-8") as file:
            # A process that was killed while writing leaves an incomplete line.
            if self.path.stat().st_size and not self.path.read_bytes().endswith(b"\n"):
                file.write("\n")
            for entry in [*results, {"part": part.idempotency_key, "lines": len(results)}]:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def results(self, part_keys: list[str]) -> list[dict[str, Any]]:
        """Return the results of completed parts. Lines of an interrupted attempt are replaced by those of its repetition."""
        found: dict[str, list[dict[str, Any]]] = {}
        pending: list[dict[str, Any]] = []
        for entry in self._entries():
            if "part" in entry:
                found[entry["part"]] = pending[-entry["lines"] :]
                pending = []
            else:
                pending.append(entry)
        return [line for key in part_keys for line in found.get(key, ())]

    def _entries(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                # An incomplete line of a process that was killed.
                continue


def _show_result(
    kind: RecordKind, report: Report, part_keys: list[str], screen: Screen, *, completed_before: int
) -> ExitCode:
    lines = report.results(part_keys)
    counts = Counter(line["status"] for line in lines)
    rejected = [line for line in lines if line["status"] == "refused"]
    screen.write_json(
        {
            "noun": kind.value,
            "counts": {status: counts[status] for status in STATUSES},
            "report": str(report.path),
            "parts_done_before": completed_before,
        }
    )
    errors = [f"line {line['line']}: " + "; ".join(_describe(error) for error in line["errors"]) for line in rejected]
    screen.show(
        table(*STATUSES, rows=[[f"{counts[status]:,}" for status in STATUSES]], right=STATUSES),
        *errors[:MAX_LISTED_ERRORS],
        f"results of all lines: {report.path}",
    )
    return ExitCode.FAILED if rejected else ExitCode.OK


def _describe(error: dict[str, Any]) -> str:
    return f"{error['field']}: {error['message']}" if error["field"] else str(error["message"])


def _with_progress_bar(parts: list[Part], title: str, screen: Screen) -> Iterator[Part]:
    if not screen.is_terminal:
        yield from parts
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("records"))
    with Progress(*columns, console=screen.err) as progress:
        task = progress.add_task(title, total=sum(len(part.lines) for part in parts))
        for part in parts:
            yield part
            progress.advance(task, len(part.lines))
