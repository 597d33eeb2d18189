"""Schemathesis as a process of its own, against the API as another, over a real connection."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.runtime.access.test_guards import ROLES_BY_ROUTE
from tests.runtime.features.user_pool import User

ROOT = Path(__file__).parents[3]
# From the weakest on.
ROLES = ("viewer", "editor", "admin", "system")


@dataclass(frozen=True)
class Outcome:
    """What a run said: its report, its output, and the known misfits that it met."""

    report: dict[str, Any]
    output: str
    misfits: set[str]


class Contract:
    """The API at an address, with what Schemathesis has to know of it beyond its description."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._users = {role: User.machine() if role == "system" else User.of(role) for role in ROLES}
        self.operations = self._described()
        self._values = self._make_values()

    def run(self, config: str, *options: str, with_callers: bool = True) -> Outcome:
        """Runs the phases that the options name. What fails is in the report; this raises nothing."""
        values = self._values | {"CONTRACT_USERS": str(self._write("users.json", self._two_editors()))}
        text = (Path(__file__).parent / config).read_text()
        for name, value in values.items():
            text = text.replace(f"${{{name}}}", value)
        (self._folder / "schemathesis.toml").write_text(text)
        report, misfits = self._folder / "report.json", self._folder / "misfits.txt"
        misfits.write_text("")
        told = {
            "CONTRACT_CALLERS": str(self._write("callers.json", self._weakest_callers() if with_callers else {})),
            "CONTRACT_MISFITS": str(misfits),
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [
                *(
                    str(Path(sys.executable).with_name("schemathesis")),
                    "--config-file",
                    self._folder / "schemathesis.toml",
                ),
                *("run", f"{self._url}/openapi.json", "--no-color", "--report", "json"),
                *("--report-json-path", report, *options),
            ],
            cwd=ROOT,
            env=os.environ | told,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert report.exists(), output
        return Outcome(json.loads(report.read_text()), output, set(misfits.read_text().splitlines()))

    def _described(self) -> set[str]:
        paths = httpx.get(f"{self._url}/openapi.json").json()["paths"]
        return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}

    def _make_values(self) -> dict[str, str]:
        """An episode that is there, and a cursor that a list gave."""
        with httpx.Client(base_url=f"{self._url}/api/v1", headers=self._users["admin"].headers) as admin:
            shows = [admin.post("/shows", json={"name": name}).json()["data"] for name in ("Meadows", "Woods")]
            body = {"show_id": shows[0]["show_id"], "title": "Dandelions", "episode_number": 1}
            episode = admin.post("/episodes", json=body).json()["data"]
            page = admin.get("/shows", params={"limit": 1}).json()["page"]
        return {"CONTRACT_EPISODE": episode["episode_id"], "CONTRACT_CURSOR": page["next"]}

    def _weakest_callers(self) -> dict[str, str]:
        """Each operation with the token of the weakest role that may."""
        return {
            f"{method} {path}": self._users[min(roles, key=ROLES.index)].headers["Authorization"]
            for (method, path), roles in ROLES_BY_ROUTE.items()
            if roles
        }

    def _two_editors(self) -> dict[str, Any]:
        editors = {"editor": self._users["editor"], "other editor": User.of("editor")}
        return {
            "auth": [
                {"name": name, "fixedHeaders": [{"name": key, "value": value} for key, value in user.headers.items()]}
                for name, user in editors.items()
            ]
        }

    def _write(self, name: str, content: Any) -> Path:
        (self._folder / name).write_text(json.dumps(content))
        return self._folder / name
