"""`platform import` and `platform export`: files of episodes and clips, part by part, with a report of each line.

Both go on where they stopped: an import by its report, which says what became of each line so far, an export by the address
of its next part.
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
from operations.client.access_tokens import Role
from operations.client.platform_api import PlatformApi, UnexpectedResponseError
from operations.client.record_files import FileFormat, Part, read, split_into_parts
from operations.client.remote_platform import RemotePlatform
from operations.client.retry_policy import RetryPolicy
from operations.state import platform_status
from operations.state.files import write_atomically
from operations.terminal import termination_signals
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode

STATUSES = ("created", "updated", "unchanged", "skipped", "refused")
# For how long, and through how many faults, one part is waited for. A run has as many parts as its file, and no time of its own.
PATIENCE_SECONDS = 300.0
ATTEMPTS = 10


class Noun(StrEnum):
    """What can be imported and exported."""

    EPISODES = "episodes"
    CLIPS = "clips"


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Where records come from or go to, and how one signs in there."""

    base_url: str
    sign_in: Callable[[Role], str]
    is_elsewhere: bool

    @classmethod
    def of(cls, environment: str, elsewhere: RemotePlatform | None) -> "Platform":
        """The platform that was named, or the local one. Refuses one that is not up, and missing tokens."""
        if elsewhere:
            elsewhere.require_tokens()
            return cls(base_url=elsewhere.base_url, sign_in=elsewhere.token, is_elsewhere=True)
        aws_isolation.isolate_aws_environment()
        state = platform_status.require_running(environment)
        if state.endpoints is None:
            raise RuntimeError("a platform that is up has endpoints")
        return cls(
            base_url=state.endpoints.api,
            sign_in=lambda role: access_tokens.issue(state, role).token,
            is_elsewhere=False,
        )

    def open(self) -> PlatformApi:
        """The way to its API."""
        return PlatformApi(self.base_url, elsewhere=self.is_elsewhere)


def import_records(
    noun: Noun, path: Path, platform: Platform, screen: Screen, *, skip_existing: bool, report_path: Path | None = None
) -> ExitCode:
    """Sends the records of a file; what became of each line is in the report beside it. Run again, it goes on where it stopped.

    FAILED when a line was refused.
    """
    form = FileFormat.of(path)
    parts = split_into_parts(read(path), form, path)
    report = Report(report_path or path.with_name(path.name + ".report.ndjson"))
    done = report.done()
    waiting = [part for part in parts if part.key not in done]
    with platform.open() as api, _that_can_be_repeated():
        access = platform.sign_in(Role.ADMIN)
        query = {"skip_existing": "true"} if skip_existing else {}
        send = partial(api.send_file, f"/api/v1/{noun}/import", media_type=form.media_type, token=access, query=query)
        for part in _shown(waiting, f"import {noun}", screen):
            answer = _patience(screen)(partial(send, content=part.content, idempotency_key=part.key))
            report.add(part, answer["data"]["lines"])
    return _conclude(noun, report, [part.key for part in parts], screen, resumed=len(parts) - len(waiting))


def export_records(noun: Noun, path: Path, platform: Platform, screen: Screen) -> ExitCode:
    """Writes every record into a file, newest first. Run again after an interruption, it goes on with the next part."""
    form = FileFormat.of(path)
    unfinished, place = path.with_name(path.name + ".part"), path.with_name(path.name + ".next")
    address, written = _place(unfinished, place) or (f"/api/v1/{noun}/export?format={form.value}", 0)
    resumed = written > 0
    with platform.open() as api, unfinished.open("ab") as file, _that_can_be_repeated():
        access = platform.sign_in(Role.VIEWER)
        # What was written and not noted any more is fetched again.
        file.truncate(written)
        while address:
            content, address = _patience(screen)(partial(api.fetch_file, address, token=access))
            file.write(content)
            file.flush()
            written += len(content)
            write_atomically(place, json.dumps({"next": address, "bytes": written}))
            screen.note(f"platform: {written:,} bytes of {noun}")
    unfinished.replace(path)
    place.unlink()
    records = sum(len(part.lines) for part in split_into_parts(read(path), form, path))
    screen.write_json({"noun": noun.value, "file": str(path), "records": records, "resumed": resumed})
    screen.show(f"{records:,} {noun} in {path}")
    return ExitCode.OK


def _patience(screen: Screen) -> RetryPolicy:
    """For one part."""
    return RetryPolicy(PATIENCE_SECONDS, lambda said: screen.note(f"platform: {said}"), attempts=ATTEMPTS)


@contextmanager
def _that_can_be_repeated() -> Iterator[None]:
    """What the platform does not do is refused with the advice to try it again; a signal ends it."""
    try:
        with termination_signals.handled(termination_signals.raise_keyboard_interrupt):
            yield
    except UnexpectedResponseError as error:
        raise CommandError(str(error), next_step="run it again: it goes on where it stopped") from error


def _place(unfinished: Path, place: Path) -> tuple[str, int] | None:
    """Where an interrupted export goes on, and how much of it is sure; None when there is none."""
    try:
        noted = json.loads(place.read_text(encoding="utf-8"))
        is_whole = unfinished.stat().st_size >= noted["bytes"]
        return (noted["next"], noted["bytes"]) if is_whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Report:
    """What became of each line: one JSON object a line, and after those of a part one that says that it is done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def done(self) -> set[str]:
        """The keys of the parts whose lines are in it."""
        return {entry["part"] for entry in self._entries() if "part" in entry}

    def add(self, part: Part, lines: list[dict[str, Any]]) -> None:
        """What became of a part, by the lines of the whole file."""
        told = [{**line, "line": number} for number, line in zip(part.lines, lines, strict=True)]
        with self.path.open("a", encoding="utf-8") as file:
            # A run that was killed while it wrote left the beginning of a line.
            if self.path.stat().st_size and not self.path.read_bytes().endswith(b"\n"):
                file.write("\n")
            for entry in [*told, {"part": part.key, "lines": len(told)}]:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def of(self, keys: list[str]) -> list[dict[str, Any]]:
        """What became of the lines of these parts. Lines of a part that was interrupted are told by its repetition."""
        found: dict[str, list[dict[str, Any]]] = {}
        pending: list[dict[str, Any]] = []
        for entry in self._entries():
            if "part" in entry:
                found[entry["part"]] = pending[-entry["lines"] :]
                pending = []
            else:
                pending.append(entry)
        return [line for key in keys for line in found.get(key, ())]

    def _entries(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                # The beginning of a line, left by a run that was killed.
                continue


def _conclude(noun: Noun, report: Report, keys: list[str], screen: Screen, *, resumed: int) -> ExitCode:
    lines = report.of(keys)
    counts = Counter(line["status"] for line in lines)
    refused = [line for line in lines if line["status"] == "refused"]
    screen.write_json(
        {
            "noun": noun.value,
            "counts": {status: counts[status] for status in STATUSES},
            "report": str(report.path),
            "parts_done_before": resumed,
        }
    )
    screen.show(
        table(*STATUSES, rows=[[f"{counts[status]:,}" for status in STATUSES]], right=STATUSES),
        *(f"line {line['line']}: " + "; ".join(_problem(error) for error in line["errors"]) for line in refused[:20]),
        f"the report of every line: {report.path}",
    )
    return ExitCode.FAILED if refused else ExitCode.OK


def _problem(error: dict[str, Any]) -> str:
    return f"{error['field']}: {error['message']}" if error["field"] else str(error["message"])


def _shown(parts: list[Part], title: str, screen: Screen) -> Iterator[Part]:
    if not screen.is_terminal:
        yield from parts
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("records"))
    with Progress(*columns, console=screen.err) as progress:
        task = progress.add_task(title, total=sum(len(part.lines) for part in parts))
        for part in parts:
            yield part
            progress.advance(task, len(part.lines))
