"""Requests for episodes: the API against the query that it makes, and against Express with the same work to do."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import platforms
from benchmarks.api_contestants import (
    CONNECTIONS,
    CONSTANT,
    EXPRESS,
    EXPRESS_JSON,
    POOL_SIZE,
    QUERY,
    UVICORN,
    Contestants,
    fill,
)
from benchmarks.report import Figures, Section
from benchmarks.rounds import Spread, Turn, take_turns

NAME = "api"
LIST = "/api/v1/episodes?limit=20"


def measure(*, quick: bool) -> Section:
    """The list and the get, every contestant."""
    rounds, requests, episodes = (1, 20, 50) if quick else (7, 400, 2_000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-api-")))
        start = stack.enter_context(platforms.running())
        gets = [f"/api/v1/episodes/{episode}" for episode in fill(start, episodes)]
        contestants = Contestants(start, stack, folder)
        contestants.begin(LIST)
        everyone = contestants.names
        readers = [name for name in everyone if name != CONSTANT]
        tables = [
            _race("List: a page of 20 episodes", [LIST], contestants, everyone, rounds=rounds, requests=requests),
            _race("Get: one episode", gets, contestants, readers, rounds=rounds, requests=requests),
        ]
    notes = [
        f"{CONNECTIONS} connections kept open, {POOL_SIZE} connections to the database, one server process each; "
        f"{requests} requests a turn, {rounds} rounds. `{QUERY}` is one query after the other on one connection.",
        f"`{CONSTANT}` checks no token and asks no database: what is left is Express and the client.",
    ]
    return Section(name=NAME, tables=tables, notes=notes, missing=contestants.missing)


def _race(
    title: str, paths: Sequence[str], contestants: Contestants, names: Sequence[str], *, rounds: int, requests: int
) -> Figures:
    byte_counts = _compare({name: contestants.answer(name, paths[0]) for name in names})
    turns = take_turns({name: contestants.contestant(name, paths, requests) for name in names}, rounds=rounds)
    columns = ["", "requests/s", "p50 ms", "p99 ms", "CPU ms", "Postgres CPU ms", "client CPU ms", "bytes"]
    references = [name for name in (EXPRESS, EXPRESS_JSON) if name in turns]
    columns[2:2] = [f"× {name}" for name in references]
    rows = [_row(name, turns, references, byte_counts) for name in names]
    return Figures(title=title, columns=columns, rows=rows)


def _row(
    name: str, turns: Mapping[str, Sequence[Turn]], references: Sequence[str], byte_counts: Mapping[str, int]
) -> list[str]:
    own = turns[name]
    # Requests a second are compared, so the reference's time is divided by the own one.
    ratios = [f"{Spread.of_ratios(turns[reference], own, 'ms').median:.2f}" for reference in references]
    figures = ("p50", "p99", "cpu ms", "postgres ms", "client ms")
    return [
        name,
        Spread.of(1000 / turn["ms"] for turn in own).text(0),
        *ratios,
        *(f"{Spread.of_turns(own, figure).median:.2f}" for figure in figures),
        f"{byte_counts[name]:,}",
    ]


def _compare(bodies: Mapping[str, bytes]) -> dict[str, int]:
    """How many bytes each answered. ValueError unless all of them answered the same JSON."""
    expected = json.loads(bodies[UVICORN])
    for name, body in bodies.items():
        if json.loads(body) != expected:
            raise ValueError(f"{name} answered something else than {UVICORN}: {body[:1000]!r}")
    return {name: len(body) for name, body in bodies.items()}
