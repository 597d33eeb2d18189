"""The candidates for the episodes' list and get: the API with uvicorn and in process, Express, and the bare query.

All of them have the same rows, tokens and number of database connections, and a single process.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import psutil

from benchmarks import load, node_packages
from benchmarks.api_statements import numbered_statements
from benchmarks.candidate_process import CandidateProcess
from benchmarks.platforms import StartedPlatform, connect
from benchmarks.rounds import Candidate, Measurement
from local import ports
from local.supervisor import Supervisor
from operations.client import access_tokens
from operations.project import checkout
from runtime.access.roles import ROLE_PERMISSIONS, Permission
from runtime.roles import Role

CONNECTIONS = 8
POOL_SIZE = 4
START_SECONDS = 60

UVICORN = "the API, uvicorn"
UNCOUNTED = "the API, uvicorn, callers not counted"
IN_PROCESS = "the API, in process"
QUERY = "the bare query, psycopg"
EXPRESS = "Express, JSON of rows"
EXPRESS_JSON = "Express, JSON by Postgres"
CONSTANT = "Express, a constant answer"
PREFIXES = {EXPRESS: "/rows", EXPRESS_JSON: "/json", CONSTANT: "/constant"}


@dataclass
class Candidates:
    """All candidates, on a running platform."""

    platform: StartedPlatform
    stack: ExitStack
    folder: Path
    missing: list[str] = field(default_factory=list)
    _ports: dict[str, int] = field(default_factory=dict)
    _processes: dict[str, psutil.Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._token = access_tokens.issue(self.platform.state, Role.VIEWER).token
        account = self.platform.state.account()
        # It matches the API's host name pattern, like the host that the platform's listener sets for a loopback address.
        self._host = f"benchmark.execute-api.{account.region}.amazonaws.com"
        self._secret = self.platform.database()
        self._environment = {
            "PATH": os.environ["PATH"],
            **self.platform.variables("api"),
            **account.environment(),
            "PLATFORM_DATABASE_POOL_MIN": str(POOL_SIZE),
            "PLATFORM_DATABASE_POOL_MAX": str(POOL_SIZE),
            # All requests come from one caller, who is counted but never throttled.
            "PLATFORM_CALLER_REQUESTS_PER_MINUTE": "1000000",
            "PLATFORM_CALLER_BURST_REQUESTS": "1000000",
        }
        self._supervisor = Supervisor(self.folder / "servers")
        self.stack.callback(self._supervisor.stop_all)
        self._postgres = next(
            psutil.Process(process.pid)
            for process in self.platform.state.processes
            if process.name.startswith("postgres")
        )

    def start_all(self, constant_path: str) -> None:
        """Start all candidates.

        Args:
            constant_path: The path whose response Express returns as a constant.
        """
        api = [sys.executable, "-m", "runtime", "--port"]
        self._start_server(UVICORN, api, checkout.ROOT, self._environment)
        self._start_server(
            UNCOUNTED, api, checkout.ROOT, self._environment | {"PLATFORM_CALLER_REQUESTS_PER_MINUTE": "0"}
        )
        process_environment = self._environment | {
            "BENCHMARK_HOST": self._host,
            "BENCHMARK_TOKEN": self._token,
            "BENCHMARK_DATABASE": json.dumps(self._secret),
        }
        argv = [sys.executable, "-m", "benchmarks.api_in_process"]
        self._in_process = self.stack.enter_context(
            CandidateProcess(
                argv, folder=checkout.ROOT, log=self.folder / "in-process.log", environment=process_environment
            )
        )
        try:
            packages = node_packages.install()
        except node_packages.NodeUnavailableError as error:
            self.missing.append(f"Express: {error}")
            return
        node = {"PATH": os.environ["PATH"], "NODE_ENV": "production"}
        settings = self._express_settings() | {"constant": self.fetch(UVICORN, constant_path).decode()}
        self._start_server(EXPRESS, packages.argv("api.mjs"), packages.folder, node, settings)
        for name in (EXPRESS_JSON, CONSTANT):
            self._ports[name], self._processes[name] = self._ports[EXPRESS], self._processes[EXPRESS]

    @property
    def names(self) -> list[str]:
        """Return the names of the available candidates."""
        return [UVICORN, UNCOUNTED, IN_PROCESS, QUERY, *(name for name in PREFIXES if name in self._ports)]

    def fetch(self, name: str, path: str) -> bytes:
        """Return the body of one response."""
        if name in self._ports:
            return load.fetch(self._ports[name], self._request_bytes(name, path))
        return str(self._call_in_process(name, [path], 1)["body"]).encode()

    def candidate(self, name: str, paths: Sequence[str], requests: int) -> Candidate:
        """Return a measurement of requests for `paths` in turn; its "ms" and CPU times are per request."""
        measure = self._over_http if name in self._ports else self._without_http
        return partial(measure, name, paths, requests)

    def _over_http(self, name: str, paths: Sequence[str], requests: int) -> Measurement:
        requests_bytes = [self._request_bytes(name, path) for path in paths]
        server, postgres = _cpu_seconds(self._processes[name]), _cpu_seconds(self._postgres)
        result = load.run_load(self._ports[name], requests_bytes, connections=CONNECTIONS, requests=requests)
        milliseconds_each = 1000 / requests
        return {
            "ms": result.seconds * milliseconds_each,
            "cpu ms": (_cpu_seconds(self._processes[name]) - server) * milliseconds_each,
            "postgres ms": (_cpu_seconds(self._postgres) - postgres) * milliseconds_each,
            "client ms": result.client_cpu_seconds * milliseconds_each,
            "p50": result.milliseconds(50),
            "p99": result.milliseconds(99),
        }

    def _without_http(self, name: str, paths: Sequence[str], requests: int) -> Measurement:
        postgres = _cpu_seconds(self._postgres)
        result = self._call_in_process(name, paths, requests)
        milliseconds_each = 1000 / requests
        return {
            "ms": result["seconds"] * milliseconds_each,
            "cpu ms": result["cpu seconds"] * milliseconds_each,
            "postgres ms": (_cpu_seconds(self._postgres) - postgres) * milliseconds_each,
            "client ms": 0.0,
            "p50": result["p50"],
            "p99": result["p99"],
        }

    def _call_in_process(self, name: str, paths: Sequence[str], requests: int) -> dict[str, Any]:
        target = "application" if name == IN_PROCESS else "query"
        return self._in_process.call(of=target, paths=list(paths), requests=requests, connections=CONNECTIONS)

    def _request_bytes(self, name: str, path: str) -> bytes:
        return load.build_request(PREFIXES.get(name, "") + path, host=self._host, token=self._token)

    def _start_server(
        self,
        name: str,
        argv: list[str],
        folder: Path,
        environment: Mapping[str, str],
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Start a server and wait until it listens. Its port is the last argument, or part of its settings."""
        port = ports.free_port()
        if settings is None:
            argv = [*argv, str(port)]
        else:
            environment = {**environment, "BENCHMARK_SETTINGS": json.dumps(settings | {"port": port})}
        file_name = name.replace(", ", "-").replace(" ", "-")
        process = self._supervisor.start(file_name, argv, environment=environment, cwd=folder)
        ports.wait_until(lambda: ports.is_listening(port), process, seconds=START_SECONDS)
        self._ports[name], self._processes[name] = port, psutil.Process(process.pid)

    def _express_settings(self) -> dict[str, Any]:
        claims = jwt.decode(self._token, options={"verify_signature": False})
        return {
            "jwksUrl": f"http://{self._environment['PLATFORM_USER_POOL_ENDPOINT']}/.well-known/jwks.json",
            "issuer": claims["iss"],
            "clientIds": json.loads(self._environment["PLATFORM_USER_POOL_CLIENT_IDS"]),
            "maxLifetimeSeconds": int(self._environment["PLATFORM_TOKEN_MAX_LIFETIME_SECONDS"]),
            "readers": [
                role for role, permissions in ROLE_PERMISSIONS.items() if Permission.EPISODES_READ in permissions
            ],
            "database": self._secret,
            "poolSize": POOL_SIZE,
            "statements": numbered_statements(),
        }


def insert_episodes(platform: StartedPlatform, episodes: int) -> list[str]:
    """Insert episodes of ten shows, unless they exist, and return the ids of the last hundred.

    ANALYZE follows, because without statistics the planner scans the whole table until autovacuum has run.
    """
    with connect(platform.owned_database()) as connection:
        connection.execute(
            "INSERT INTO shows (name, description) SELECT 'Show ' || n, 'A show about ' || n FROM generate_series(1, 10) n"
            " ON CONFLICT DO NOTHING"
        )
        connection.execute(
            """
            INSERT INTO episodes (show_id, title, episode_number, season_number, status, description, duration_seconds,
                                  air_date, script_text, tags, genre, director, rating, metadata)
            SELECT show_id, name || ', episode ' || n, n, 1 + n %% 4, 'published', repeat('How a meadow turns yellow. ', 12),
                   1500 + n, date '2026-01-01' + n %% 300, repeat('INT. MEADOW - DAY. A seed takes off. ', 55),
                   ARRAY['spring', 'meadow', 'seed ' || n %% 7], 'documentary', 'A. Director', 5 + n %% 50 / 10.0,
                   jsonb_build_object('take', n, 'cameras', jsonb_build_array('A', 'B'))
            FROM shows, generate_series(1, %(each)s) n
            WHERE name LIKE 'Show %%'
            ON CONFLICT DO NOTHING
            """,
            {"each": max(1, episodes // 10)},
        )
        connection.execute("ANALYZE")
        found = connection.execute("SELECT episode_id FROM episodes ORDER BY episode_id DESC LIMIT 100").fetchall()
    return [str(row["episode_id"]) for row in found]


def _cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time that a process and its children have used."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
