"""Those who answer the episodes' list and get: the API behind uvicorn and in process, Express, and the bare query.

All of them have the same rows, the same tokens, the same number of connections to the database, and one process.
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
from benchmarks.api_statements import numbered
from benchmarks.partner import Partner
from benchmarks.platforms import Start, connect
from benchmarks.rounds import Contestant, Turn
from local import ports
from local.supervisor import Supervisor
from operations.client import access_tokens
from operations.project import checkout
from runtime.access.roles import ROLE_PERMISSIONS, Permission
from runtime.roles import Role
from runtime.settings import ApiSettings

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
class Contestants:
    """Everything that answers, on a platform that is up. Answers are asked for by path, several paths in turn."""

    start: Start
    stack: ExitStack
    folder: Path
    missing: list[str] = field(default_factory=list)
    _ports: dict[str, int] = field(default_factory=dict)
    _processes: dict[str, psutil.Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._token = access_tokens.issue(self.start.state, Role.VIEWER).token
        account = self.start.state.account()
        # The API's own host name pattern; the host that the listener of the platform would make of a loopback address.
        self._host = f"benchmark.execute-api.{account.region}.amazonaws.com"
        self._secret = self.start.database()
        self._environment = {
            "PATH": os.environ["PATH"],
            **self.start.variables("api"),
            **account.environment(),
            "PLATFORM_DATABASE_POOL_MIN": str(POOL_SIZE),
            "PLATFORM_DATABASE_POOL_MAX": str(POOL_SIZE),
            # Everything comes from one caller, who is counted as anyone is and never refused.
            "PLATFORM_CALLER_REQUESTS_PER_MINUTE": "1000000",
            "PLATFORM_CALLER_BURST_REQUESTS": "1000000",
        }
        self._supervisor = Supervisor(self.folder / "servers")
        self.stack.callback(self._supervisor.stop_all)
        self._postgres = next(
            psutil.Process(each.pid) for each in self.start.state.processes if each.name.startswith("postgres")
        )

    def begin(self, constant_path: str) -> None:
        """Starts them all. `constant_path` is what the constant answer is a copy of."""
        api = [sys.executable, "-m", "runtime", "--port"]
        self._serve(UVICORN, api, checkout.ROOT, self._environment)
        self._serve(UNCOUNTED, api, checkout.ROOT, self._environment | {"PLATFORM_CALLER_REQUESTS_PER_MINUTE": "0"})
        partner = self._environment | {
            "BENCHMARK_HOST": self._host,
            "BENCHMARK_TOKEN": self._token,
            "BENCHMARK_DATABASE": json.dumps(self._secret),
        }
        argv = [sys.executable, "-m", "benchmarks.api_in_process"]
        self._partner = self.stack.enter_context(
            Partner(argv, folder=checkout.ROOT, log=self.folder / "in-process.log", environment=partner)
        )
        try:
            packages = node_packages.install()
        except node_packages.NodeMissingError as error:
            self.missing.append(f"Express: {error}")
            return
        node = {"PATH": os.environ["PATH"], "NODE_ENV": "production"}
        settings = self._express_settings() | {"constant": self.answer(UVICORN, constant_path).decode()}
        self._serve(EXPRESS, packages.argv("api.mjs"), packages.folder, node, settings)
        for name in (EXPRESS_JSON, CONSTANT):
            self._ports[name], self._processes[name] = self._ports[EXPRESS], self._processes[EXPRESS]

    @property
    def names(self) -> list[str]:
        """Who takes part."""
        return [UVICORN, UNCOUNTED, IN_PROCESS, QUERY, *(name for name in PREFIXES if name in self._ports)]

    def answer(self, name: str, path: str) -> bytes:
        """One answer's body."""
        if name in self._ports:
            return load.fetch(self._ports[name], self._wire(name, path))
        return str(self._asked(name, [path], 1)["body"]).encode()

    def contestant(self, name: str, paths: Sequence[str], requests: int) -> Contestant:
        """A turn of so many requests. Its "ms" and processor times are those of one request."""
        measure = self._over_http if name in self._ports else self._without_http
        return partial(measure, name, paths, requests)

    def _over_http(self, name: str, paths: Sequence[str], requests: int) -> Turn:
        wires = [self._wire(name, path) for path in paths]
        server, postgres = _cpu_seconds(self._processes[name]), _cpu_seconds(self._postgres)
        driven = load.drive(self._ports[name], wires, connections=CONNECTIONS, requests=requests)
        each = 1000 / requests
        return {
            "ms": driven.seconds * each,
            "cpu ms": (_cpu_seconds(self._processes[name]) - server) * each,
            "postgres ms": (_cpu_seconds(self._postgres) - postgres) * each,
            "client ms": driven.client_cpu_seconds * each,
            "p50": driven.milliseconds(50),
            "p99": driven.milliseconds(99),
        }

    def _without_http(self, name: str, paths: Sequence[str], requests: int) -> Turn:
        postgres = _cpu_seconds(self._postgres)
        answered = self._asked(name, paths, requests)
        each = 1000 / requests
        return {
            "ms": answered["seconds"] * each,
            "cpu ms": answered["cpu seconds"] * each,
            "postgres ms": (_cpu_seconds(self._postgres) - postgres) * each,
            "client ms": 0.0,
            "p50": answered["p50"],
            "p99": answered["p99"],
        }

    def _asked(self, name: str, paths: Sequence[str], requests: int) -> dict[str, Any]:
        of = "application" if name == IN_PROCESS else "query"
        return self._partner.ask(of=of, paths=list(paths), requests=requests, connections=CONNECTIONS)

    def _wire(self, name: str, path: str) -> bytes:
        return load.request(PREFIXES.get(name, "") + path, host=self._host, token=self._token)

    def _serve(
        self,
        name: str,
        argv: list[str],
        folder: Path,
        environment: Mapping[str, str],
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Starts a server and waits until it listens; its port is the last argument, or stands in its settings."""
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
        lifetime = ApiSettings.model_fields["token_max_lifetime_seconds"].default
        return {
            "jwksUrl": f"http://{self._environment['PLATFORM_USER_POOL_ENDPOINT']}/.well-known/jwks.json",
            "issuer": claims["iss"],
            "clientIds": json.loads(self._environment["PLATFORM_USER_POOL_CLIENT_IDS"]),
            "maxLifetimeSeconds": lifetime,
            "readers": [
                role for role, permissions in ROLE_PERMISSIONS.items() if Permission.EPISODES_READ in permissions
            ],
            "database": self._secret,
            "poolSize": POOL_SIZE,
            "statements": numbered(),
        }


def fill(start: Start, episodes: int) -> list[str]:
    """Stores so many episodes of ten shows, unless they are there, and answers the ids of the last hundred.

    The planner is told of them: a table that it knows nothing of is read whole, and when its own worker looks is luck.
    """
    with connect(start.owned_database()) as connection:
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
    """What a process and its children have used so far."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
