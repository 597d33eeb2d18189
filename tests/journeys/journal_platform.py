"""A platform whose every part may be killed: its host, who kills parts of it, and who relays what a crash left behind."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from local.account import LocalAccount
from local.engines.stack_files import load_stack_config
from local.process_registry import FILE_NAME, read_registry
from tests.journeys.conftest import ROOT, SETTINGS, with_changes
from tests.journeys.journal import Journal

# Short enough that a killed worker's message is back soon: visibility = six timeouts, timeout < lease < visibility.
QUICK = {
    "queue": {"visibility_seconds": 18},
    "thumbnails": {"timeout_seconds": 3, "job_lease_seconds": 4},
    "api": {"timeout_seconds": 10, "caller_requests_per_minute": 0},
    "maintenance": {"outbox_grace_seconds": 11},
}
VICTIMS = ("function-episode-metadata-api", "function-episode-metadata-thumbnail", "postgres", "object-gate")


@dataclass
class Host:
    """The process that holds a platform, and what it said when it was up."""

    process: "subprocess.Popen[str]"
    directory: Path
    outputs: dict[str, str]
    account: LocalAccount

    def ask(self, question: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def pids(self, *names: str) -> list[int]:
        """Of the running processes whose names begin so."""
        return [each.pid for each in read_registry(self.directory / FILE_NAME) if each.name.startswith(names)]

    def running(self) -> list[psutil.Process]:
        """Every process of the platform but the host itself, as far as they have not ended meanwhile."""
        found = []
        for pid in self.pids(""):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
        return found

    def token(self) -> str:
        cognito, pool, name = (
            self.account.client("cognito-idp"),
            self.outputs["user_pool_id"],
            "admin@journey.example.com",
        )
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password="Correct-horse-9", Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="admin")
        signed_in = cognito.initiate_auth(
            ClientId=self.outputs["user_pool_client_id"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": "Correct-horse-9"},
        )
        token: str = signed_in["AuthenticationResult"]["AccessToken"]
        return token

    def conninfo(self) -> str:
        secret = self.account.client("secretsmanager").get_secret_value(SecretId=self.outputs["database_secret_arn"])
        value = json.loads(secret["SecretString"])
        return (
            f"host={value['host']} port={value['port']} dbname={value['database']} user={value['username']}"
            f" password={value['password']}"
        )


@contextmanager
def hosted(directory: Path) -> Iterator[Host]:
    config = load_stack_config(ROOT, "dev")
    settings = json.dumps(with_changes(json.loads(config[SETTINGS]), QUICK))
    with (directory / "host.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.journal_host", str(directory), settings],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        assert process.stdout
        try:
            said = process.stdout.readline()
            assert said, (directory / "host.log").read_text()
            up = json.loads(said)
            yield Host(process, directory, up["outputs"], LocalAccount(**up["account"]))
        finally:
            assert process.stdin
            process.stdin.close()


class Beside:
    """Runs on a thread of its own while the block runs, until `_over` is set."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        raise NotImplementedError


class Killer(Beside):
    """Kills a random part whenever so many more actions were acknowledged, while the block runs: by progress and not by the
    clock, so that a slow machine is not killed to a standstill."""

    def __init__(self, host: Host, journal: Journal, most_actions_between: int) -> None:
        super().__init__()
        self.kills: list[str] = []
        self._host, self._journal, self._most = host, journal, most_actions_between

    def _run(self) -> None:
        next_kill = 1
        while not self._over.wait(random.uniform(0, 0.03)):
            if self._journal.length < next_kill:
                continue
            name = random.choice(VICTIMS)
            for pid in self._host.pids(name)[:1]:
                os.kill(pid, signal.SIGKILL)
                self.kills.append(name)
            next_kill = self._journal.length + random.randint(1, self._most)


class Relay(Beside):
    """Runs the maintenance function as its schedule would, only more often, while the block runs."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def _run(self) -> None:
        while not self._over.wait(2):
            self._host.ask("maintain")
