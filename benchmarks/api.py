"""Requests for episodes: the API compared with its bare query, and with Express doing the same work."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import platforms
from benchmarks.api_candidates import (
    CONNECTIONS,
    CONSTANT,
    EXPRESS,
    EXPRESS_JSON,
    POOL_SIZE,
    QUERY,
    UVICORN,
    Candidates,
    insert_episodes,
)
from benchmarks.report import ResultTable, Section
from benchmarks.rounds import Measurement, Spread, measure_rounds

NAME = "api"
LIST = "/api/v1/episodes?limit=20"


def measure(*, quick: bool) -> Section:
    """Measure the list and the get of every candidate."""
    rounds, requests, episodes = (1, 20, 50) if quick else (7, 400, 2_000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-api-")))
        platform = stack.enter_context(platforms.running_platform())
        gets = [f"/api/v1/episodes/{episode}" for episode in insert_episodes(platform, episodes)]
        candidates = Candidates(platform, stack, folder)
        candidates.start_all(LIST)
        all_names = candidates.names
        database_names = [name for name in all_names if name != CONSTANT]
        tables = [
            _compare_candidates(
                "List: a page of 20 episodes", [LIST], candidates, all_names, rounds=rounds, requests=requests
            ),
            _compare_candidates("Get: one episode", gets, candidates, database_names, rounds=rounds, requests=requests),
        ]
    notes = [
        f"{CONNECTIONS} persistent connections, {POOL_SIZE} connections to the database, one server process each; "
        f"{requests} requests per measurement, {rounds} rounds. `{QUERY}` runs sequential queries on one connection.",
        f"`{CONSTANT}` neither verifies a token nor queries the database: it shows the cost of Express and the client.",
    ]
    return Section(name=NAME, tables=tables, notes=notes, missing=candidates.missing)


def _compare_candidates(
    title: str, paths: Sequence[str], candidates: Candidates, names: Sequence[str], *, rounds: int, requests: int
) -> ResultTable:
    byte_counts = _check_equal({name: candidates.fetch(name, paths[0]) for name in names})
    measurements = measure_rounds({name: candidates.candidate(name, paths, requests) for name in names}, rounds=rounds)
    columns = ["", "requests/s", "p50 ms", "p99 ms", "CPU ms", "Postgres CPU ms", "client CPU ms", "bytes"]
    references = [name for name in (EXPRESS, EXPRESS_JSON) if name in measurements]
    columns[2:2] = [f"× {name}" for name in references]
    rows = [_row(name, measurements, references, byte_counts) for name in names]
    return ResultTable(title=title, columns=columns, rows=rows)


def _row(
    name: str,
    measurements: Mapping[str, Sequence[Measurement]],
    references: Sequence[str],
    byte_counts: Mapping[str, int],
) -> list[str]:
    measured = measurements[name]
    # Ratios compare requests per second, so the reference's time is divided by the candidate's.
    ratios = [f"{Spread.of_ratios(measurements[reference], measured, 'ms').median:.2f}" for reference in references]
    figures = ("p50", "p99", "cpu ms", "postgres ms", "client ms")
    return [
        name,
        Spread.of(1000 / measurement["ms"] for measurement in measured).text(0),
        *ratios,
        *(f"{Spread.of_measurements(measured, figure).median:.2f}" for figure in figures),
        f"{byte_counts[name]:,}",
    ]


def _check_equal(bodies: Mapping[str, bytes]) -> dict[str, int]:
    """Return the size of each response.

    Raises:
        ValueError: A response is not the same JSON as that of the API.
    """
    expected = json.loads(bodies[UVICORN])
    for name, body in bodies.items():
        if json.loads(body) != expected:
            raise ValueError(f"the response of {name} differs from that of {UVICORN}: {body[:1000]!r}")
    return {name: len(body) for name, body in bodies.items()}
