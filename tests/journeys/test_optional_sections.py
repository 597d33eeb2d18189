"""The sections that every environment's file has as null today, applied together: the platform runs with both."""

import json
from collections.abc import Iterator

import httpx
import psutil
import pytest
import valkey

from local.cloud import LocalCloud
from local.engines.stack_files import load_stack_config
from operations.release.local_bundles import LocalBundles
from stacks.program import platform as program
from tests.journeys.conftest import FAST, PHOTO, ROOT, SETTINGS, Platform, with_changes

SECTIONS = {
    "database": {
        "proxy": {"connections_percent": 90, "borrow_timeout_seconds": 10, "idle_client_timeout_seconds": 1800}
    },
    "api": {"caller_requests_per_minute": 3000, "caller_burst_requests": 500},
}
CACHE = {"node_type": "cache.t4g.micro", "nodes": 1, "maintenance_window": "sun:05:00-sun:06:00"}

pytestmark = [pytest.mark.platform, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, bundles: LocalBundles) -> Iterator[Platform]:
    """A platform whose settings have a database proxy and a cache."""
    config = load_stack_config(ROOT, "dev")
    config |= {f"episode-metadata:{key}": value for key, value in bundles.config.items()}
    settings = with_changes(with_changes(json.loads(config[SETTINGS]), FAST), SECTIONS) | {"cache": CACHE}
    config[SETTINGS] = json.dumps(settings)
    directory = tmp_path_factory.mktemp("cloud")
    cloud = LocalCloud(directory, region="us-east-1", port=0, listener=lambda _: None, code_directory=bundles.cache)
    try:
        deployment = cloud.deploy(program, project="episode-metadata", stack="dev", config=config)
        with httpx.Client(base_url=deployment.outputs["api_url"], timeout=30, trust_env=False) as http:
            yield Platform(cloud, deployment.outputs, http)
    finally:
        cloud.close()


class TestOptionalSections:
    def test_photograph_becomes_thumbnails_through_the_proxy(self, extended: Platform) -> None:
        episode_id = extended.episode()
        job = extended.finished(extended.upload(episode_id, PHOTO.read_bytes()))
        assert job["status"] == "completed"
        assert len(extended.thumbnails(episode_id)) == 3

    def test_callers_are_counted_in_the_cache(self, extended: Platform) -> None:
        answer = extended.call("GET", "/api/v1/shows", "viewer")
        assert answer.headers["ratelimit-policy"].startswith('"caller";q=500')
        (process,) = [each for each in extended.cloud.processes() if each.name == "valkey"]
        assert (process.state, extended.cloud.health()) == ("running", "running")
        # The server writes its address into its command line.
        port = int(psutil.Process(process.pid).cmdline()[0].rpartition(":")[2])
        with valkey.Valkey(host="127.0.0.1", port=port) as client:
            assert client.keys("rate-limit:*")
