"""A whole platform for the journeys: the very program of the dev environment, with seconds where dev has minutes."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.cloud import LocalCloud
from local.engines.stack_files import load_stack_config
from local.progress import ProgressEvent
from operations.release.local_bundles import LocalBundles
from stacks.program import platform as program

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "assets" / "dandelions.jpg"
SETTINGS = "episode-metadata:settings"

# The queue's arithmetic holds as in dev (visibility = six timeouts, timeout < lease < visibility), a tenth of it.
FAST: Mapping[str, Mapping[str, Any]] = {
    "queue": {"visibility_seconds": 30},
    "thumbnails": {"timeout_seconds": 5, "job_lease_seconds": 6},
    "uploads": {"upload_expiry_seconds": 6},
    # One editor asks here for all that the tests want to know, as fast as it can.
    "api": {"caller_requests_per_minute": 0},
}


def with_changes(settings: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {**settings, **{section: {**settings[section], **values} for section, values in changes.items()}}


@dataclass
class Platform:
    """A running platform and the people who use it."""

    cloud: LocalCloud
    outputs: Mapping[str, Any]
    http: httpx.Client
    _tokens: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.cloud.account.client(service)

    def token(self, role: str) -> str:
        if role not in self._tokens:
            cognito, pool, name = (
                self.client("cognito-idp"),
                self.outputs["user_pool_id"],
                f"{role}@journey.example.com",
            )
            password = secrets.token_urlsafe(16) + "aA1!"
            cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
            cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=role)
            signed_in = cognito.initiate_auth(
                ClientId=self.outputs["user_pool_client_id"],
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": name, "PASSWORD": password},
            )
            self._tokens[role] = signed_in["AuthenticationResult"]["AccessToken"]
        return self._tokens[role]

    def call(self, method: str, path: str, role: str, **content: Any) -> httpx.Response:
        return self.http.request(method, path, headers={"Authorization": f"Bearer {self.token(role)}"}, **content)

    def data(self, method: str, path: str, role: str, **content: Any) -> Any:
        answer = self.call(method, path, role, **content)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def episode(self) -> str:
        """A new episode of a new show."""
        show = self.data("POST", "/api/v1/shows", "admin", json={"name": f"Show {secrets.token_hex(6)}"})
        body = {"show_id": show["show_id"], "title": "An episode", "season_number": 1, "episode_number": 1}
        made: str = self.data("POST", "/api/v1/episodes", "admin", json=body)["episode_id"]
        return made

    def announce(self, episode_id: str, content: bytes, media_type: str = "image/jpeg") -> dict[str, Any]:
        body = {
            "file_name": "photo.jpg",
            "file_type": media_type,
            "entity_type": "episode",
            "entity_id": episode_id,
            "byte_count": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        announced: dict[str, Any] = self.data("POST", "/api/v1/upload/generate-url", "editor", json=body)
        return announced

    def send(self, form: Mapping[str, Any], content: bytes, **fields: str) -> httpx.Response:
        return self.http.post(
            form["uploadUrl"], data={**form["fields"], **fields}, files={"file": ("photo.jpg", content, "image/jpeg")}
        )

    def complete(self, form: Mapping[str, Any]) -> httpx.Response:
        return self.call("POST", f"/api/v1/upload/{form['upload_id']}/complete", "editor")

    def upload(self, episode_id: str, content: bytes, media_type: str = "image/jpeg") -> str:
        """Announces, sends and completes; answers the job's id."""
        form = self.announce(episode_id, content, media_type)
        sent = self.send(form, content)
        assert sent.is_success, sent.text
        completed = self.complete(form)
        assert completed.is_success, completed.text
        job: str = completed.json()["data"]["job_id"]
        return job

    def finished(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """The job once it is neither pending nor at work."""
        return self.until(
            lambda: self.data("GET", f"/api/v1/jobs/{job_id}", "editor"),
            lambda job: job["status"] in {"completed", "failed"},
            seconds,
        )

    def thumbnails(self, episode_id: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.data("GET", f"/api/v1/episodes/{episode_id}/thumbnails", "viewer")
        return listed

    def until(self, ask: Callable[[], Any], satisfied: Callable[[Any], bool], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        while not satisfied(answer := ask()):
            assert time.monotonic() < deadline, f"still {answer} after {seconds} s"
            time.sleep(0.05)
        return answer


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, bundles: LocalBundles) -> Iterator[Platform]:
    config = load_stack_config(ROOT, "dev")
    config |= {f"episode-metadata:{key}": value for key, value in bundles.config.items()}
    config[SETTINGS] = json.dumps(with_changes(json.loads(config[SETTINGS]), FAST))
    told: list[ProgressEvent] = []
    directory = tmp_path_factory.mktemp("cloud")
    cloud = LocalCloud(directory, region="us-east-1", port=0, listener=told.append, code_directory=bundles.cache)
    try:
        deployment = cloud.deploy(program, project="episode-metadata", stack="dev", config=config)
        with httpx.Client(base_url=deployment.outputs["api_url"], timeout=30, trust_env=False) as http:
            yield Platform(cloud, deployment.outputs, http)
    finally:
        cloud.close()
