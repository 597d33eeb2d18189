"""Registered domains are served by a real OpenSearch, or recorded with the reason why not."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from local import ports
from local.account import LocalAccount
from local.compute.opensearch import server
from local.compute.opensearch.installation import (
    OpenSearchInstallation,
    OpenSearchMissingError,
    OpenSearchProgram,
)
from local.compute.opensearch.search_domains import SearchDomains
from local.errors import PortTakenError, ProcessFailedError, UnsupportedLocallyError
from local.progress import ProgressEvent
from local.provider.protocol import Registration
from local.provider.provider import LocalProvider
from local.supervisor import Supervisor
from tests.local.compute.opensearch import search_engine

DOMAIN = "aws:opensearch/domain:Domain"
WaitFor = Callable[..., Any]


def registration(name: str = "films-search", **inputs: Any) -> Registration:
    return Registration(
        urn=f"urn:pulumi:test::test::{DOMAIN}::{name}",
        type=DOMAIN,
        name=name,
        id=f"arn:aws:es:us-east-1:123456789012:domain/{name}",
        inputs={"engineVersion": "OpenSearch_3.5", **inputs},
        outputs={"domainName": name},
    )


class Unavailable(OpenSearchInstallation):
    """An installation that fails."""

    def provide(self, on_progress: Callable[[str], None]) -> OpenSearchProgram:
        on_progress("the installer and Java")
        raise OpenSearchMissingError("there is no network", next_step="connect")


class Scripted(OpenSearchInstallation):
    """An installation whose Java is a script."""

    def __init__(self, java: Path) -> None:
        super().__init__()
        self._java = java

    def provide(self, on_progress: Callable[[str], None]) -> OpenSearchProgram:
        return OpenSearchProgram(java=self._java, jars=())


class TestUnavailable:
    def test_domain_without_opensearch_is_recorded_only(
        self, account: LocalAccount, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        events: list[ProgressEvent] = []
        domains = SearchDomains(supervisor, tmp_path, listener=events.append, installation=Unavailable())
        provider = LocalProvider(account, {DOMAIN: domains.start})
        created = provider.create(
            urn="u", type=DOMAIN, name="search", inputs={"domainName": "absent", "engineVersion": "OpenSearch_3.5"}
        )
        assert (created.state, created.reason) == ("recorded-only", "there is no network")
        assert created.outputs["endpoint"] == ""
        assert [(event.state, event.detail) for event in events] == [
            ("started", ""),
            ("progressed", "the installer and Java"),
            ("finished", "not on this machine: there is no network"),
        ]
        assert domains.process_names == ()

    def test_other_engine_version_is_not_supported(self, supervisor: Supervisor, tmp_path: Path) -> None:
        domains = SearchDomains(supervisor, tmp_path, listener=lambda _: None, installation=Unavailable())
        with pytest.raises(
            UnsupportedLocallyError,
            match=r"engineVersion: OpenSearch_2\.19 is not supported on this machine, only OpenSearch_3\.5",
        ) as absent:
            domains.start(registration(engineVersion="OpenSearch_2.19"))
        assert absent.value.outputs == {"endpoint": ""}


class TestStart:
    def scripted(self, tmp_path: Path, script: str) -> Scripted:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(0o755)
        return Scripted(java)

    def test_server_that_exits_raises_process_failed_error_with_its_log(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        installation = self.scripted(tmp_path, "echo no room in memory; exit 3")
        domains = SearchDomains(supervisor, tmp_path, listener=lambda _: None, installation=installation)
        with pytest.raises(ProcessFailedError, match=r"(?s)opensearch exited with status 3; .*no room in memory"):
            domains.start(registration("ended"))

    def test_java_that_cannot_be_started_raises_process_failed_error(
        self, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        domains = SearchDomains(supervisor, tmp_path, listener=lambda _: None, installation=Scripted(tmp_path / "none"))
        with pytest.raises(ProcessFailedError, match=r"cannot start .*none"):
            domains.start(registration("unstartable"))
        assert domains.process_names == ()

    def test_no_free_port_raises_port_taken_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ports, "is_listening", lambda _: True)
        with pytest.raises(PortTakenError, match="no port from 9201 to 9299 is free"):
            server.free_port()


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Supervisor, SearchDomains, str]]:
    """A running domain, with its supervisor and its endpoint."""
    search_engine.provided()
    directory = tmp_path_factory.mktemp("search")
    supervisor = Supervisor(directory)
    try:
        domains = SearchDomains(supervisor, directory / "search", listener=lambda _: None)
        endpoint = domains.start(registration())["endpoint"]
        yield supervisor, domains, endpoint
    finally:
        supervisor.stop_all()


@pytest.fixture
def client(listening: tuple[Supervisor, SearchDomains, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{listening[2]}", timeout=60, trust_env=False) as client:
        yield client


EPISODES = [
    {"title": "The Harbour at Sunset", "tags": ["sea", "evening"], "show": "Coast", "published_at": "2026-03-01"},
    {"title": "A Night in the Mountains", "tags": ["snow", "evening"], "show": "Peaks", "published_at": "2026-04-01"},
    {"title": "Wind over the Dunes", "tags": ["sea"], "show": "Coast", "published_at": "2026-05-01"},
]
MAPPING = {
    "properties": {
        "title": {"type": "text", "analyzer": "english"},
        "tags": {"type": "keyword"},
        "show": {"type": "keyword"},
        "published_at": {"type": "date"},
    }
}


@pytest.fixture
def episodes(client: httpx.Client) -> Iterator[str]:
    """An index with three episodes."""
    name = f"episodes-{time.monotonic_ns()}"
    made = client.put(f"/{name}", json={"settings": {"number_of_replicas": 0}, "mappings": MAPPING})
    assert made.status_code == 200, made.text
    for number, episode in enumerate(EPISODES):
        stored = client.put(f"/{name}/_doc/{number}?refresh=true", json=episode)
        assert stored.status_code == 201, stored.text
    yield name
    client.delete(f"/{name}")


def search(client: httpx.Client, index: str, **body: Any) -> dict[str, Any]:
    response = client.post(f"/{index}/_search", json=body)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


def ids(result: Mapping[str, Any]) -> list[str]:
    return [hit["_id"] for hit in result["hits"]["hits"]]


@pytest.mark.needs("OpenSearch")
@pytest.mark.timeout(900)
@pytest.mark.platform
class TestEngine:
    @pytest.mark.requirement("P2-03")
    def test_version_is_3_5_and_cluster_is_healthy(self, client: httpx.Client) -> None:
        assert client.get("/").json()["version"]["number"].startswith("3.5.")
        assert client.get("/_cluster/health").json()["status"] in ("green", "yellow")

    def test_fuzzy_and_stemmed_words_match(self, client: httpx.Client, episodes: str) -> None:
        query = {"match": {"title": {"query": "montain", "fuzziness": "AUTO"}}}
        assert ids(search(client, episodes, query=query)) == ["1"]
        assert ids(search(client, episodes, query={"match": {"title": "dune"}})) == ["2"]

    def test_facets_are_counted(self, client: httpx.Client, episodes: str) -> None:
        result = search(
            client,
            episodes,
            size=0,
            query={"bool": {"filter": [{"range": {"published_at": {"gte": "2026-02-01"}}}]}},
            aggs={"tags": {"terms": {"field": "tags"}}, "shows": {"terms": {"field": "show"}}},
        )
        counts = {
            name: {bucket["key"]: bucket["doc_count"] for bucket in facet["buckets"]}
            for name, facet in result["aggregations"].items()
        }
        assert counts == {"tags": {"sea": 2, "evening": 2, "snow": 1}, "shows": {"Coast": 2, "Peaks": 1}}

    def test_matches_are_highlighted(self, client: httpx.Client, episodes: str) -> None:
        result = search(client, episodes, query={"match": {"title": "harbours"}}, highlight={"fields": {"title": {}}})
        (hit,) = result["hits"]["hits"]
        assert hit["highlight"] == {"title": ["The <em>Harbour</em> at Sunset"]}

    def test_older_external_version_conflicts(self, client: httpx.Client, episodes: str) -> None:
        def store(version: int) -> int:
            parameters: dict[str, str | int] = {"version_type": "external", "version": version}
            return client.put(f"/{episodes}/_doc/late", params=parameters, json=EPISODES[0]).status_code

        assert [store(7), store(6), store(8)] == [201, 409, 200]

    def test_server_listens_on_loopback_only(self, listening: tuple[Supervisor, SearchDomains, str]) -> None:
        supervisor, _, endpoint = listening
        (status,) = [each for each in supervisor.processes() if each.name == "opensearch"]
        heard = {
            connection.laddr
            for connection in psutil.Process(status.pid).net_connections()
            if connection.status == "LISTEN"
        }
        assert {address.ip.removeprefix("::ffff:") for address in heard} == {ports.LOOPBACK}
        assert int(endpoint.rpartition(":")[2]) in {address.port for address in heard}

    def test_killed_server_is_restarted_with_its_data(
        self, listening: tuple[Supervisor, SearchDomains, str], client: httpx.Client, episodes: str, wait_for: WaitFor
    ) -> None:
        (status,) = [each for each in listening[0].processes() if each.name == "opensearch"]
        os.kill(status.pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(status.pid).wait(60)

        def found() -> list[str]:
            try:
                response = client.post(f"/{episodes}/_search", json={"query": {"match": {"title": "sunset"}}})
            except httpx.TransportError:
                return []
            # Until all shards have recovered, searches fail or return only some of the documents.
            return ids(response.json()) if response.status_code == 200 else []

        assert wait_for(found, 180) == ["0"]

    def test_second_domain_has_its_own_server(
        self, listening: tuple[Supervisor, SearchDomains, str], client: httpx.Client, episodes: str
    ) -> None:
        supervisor, domains, endpoint = listening
        other = domains.start(registration("films-archive"))["endpoint"]
        assert other != endpoint
        assert domains.process_names == ("opensearch", "opensearch-films-archive")
        assert httpx.get(f"http://{other}/{episodes}", timeout=60, trust_env=False).status_code == 404
        supervisor.stop("opensearch-films-archive")

    def test_another_server_on_the_port_raises_process_failed_error(
        self,
        listening: tuple[Supervisor, SearchDomains, str],
        supervisor: Supervisor,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(server, "free_port", lambda: int(listening[2].rpartition(":")[2]))
        java = tmp_path / "java"
        java.write_text("#!/bin/sh\nexec sleep 600\n")
        java.chmod(0o755)
        domains = SearchDomains(supervisor, tmp_path, listener=lambda _: None, installation=Scripted(java))
        try:
            with pytest.raises(ProcessFailedError, match="another server took port"):
                domains.start(registration("late"))
        finally:
            supervisor.stop("opensearch")

    def test_port_of_another_server_is_replaced_by_a_free_one(
        self,
        listening: tuple[Supervisor, SearchDomains, str],
        supervisor: Supervisor,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        taken, free_port = int(listening[2].rpartition(":")[2]), server.free_port
        chosen = iter([taken])
        monkeypatch.setattr(server, "free_port", lambda: next(chosen, None) or free_port())
        domains = SearchDomains(supervisor, tmp_path, listener=lambda _: None)
        try:
            endpoint = domains.start(registration("late"))["endpoint"]
            assert endpoint != listening[2]
            clusters = {
                httpx.get(f"http://{each}", timeout=60, trust_env=False).json()["cluster_name"]
                for each in (endpoint, listening[2])
            }
            assert len(clusters) == 2
            assert [status.name for status in supervisor.processes()].count("opensearch") == 1
        finally:
            supervisor.stop("opensearch")

    def test_stop_leaves_no_process_running(self, tmp_path: Path) -> None:
        search_engine.provided()
        supervisor = Supervisor(tmp_path)
        domains = SearchDomains(supervisor, tmp_path / "search", listener=lambda _: None)
        try:
            port = int(domains.start(registration("ending"))["endpoint"].rpartition(":")[2])
            (status,) = supervisor.processes()
        finally:
            supervisor.stop_all()
        assert not psutil.pid_exists(status.pid)
        assert not ports.is_listening(port)
        assert supervisor.processes() == []
