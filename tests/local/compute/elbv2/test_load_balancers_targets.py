"""Target health, selection of targets and deregistration."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.compute.elbv2 import target_groups
from local.compute.elbv2.load_balancers import LoadBalancers
from tests.local.compute.ecs.container_fixtures import SHORT_CHECK, Targets, balancers, serve, targets

__all__ = ["balancers", "serve", "targets"]

Serve = Callable[..., httpx.Client]
WaitFor = Callable[..., Any]


class TestHealth:
    def test_without_a_healthy_target_the_status_is_503(self, serve: Serve, targets: Targets) -> None:
        client = serve(group={"check": SHORT_CHECK})
        assert client.get("/").status_code == 503
        targets.add(health_status=500, state="unhealthy")
        response = client.get("/")
        assert (response.status_code, response.headers["server"]) == (503, "awselb/2.0")
        targets.add()
        assert client.get("/").status_code == 200

    def test_target_gets_no_requests_before_its_first_success(self, serve: Serve, targets: Targets) -> None:
        # The threshold does not apply to a target's first success.
        client = serve(group={"check": {"healthyThreshold": 1_000_000}})
        server = targets.add(health_status=503, state="initial")
        assert client.get("/").status_code == 503
        server.health_status = 200
        targets.wait(server, "healthy")
        assert client.get("/").status_code == 200

    @pytest.mark.parametrize("start_time", [(600, 0), (0.05, 600)], ids=["registered", "minimum"])
    def test_new_target_stays_initial_during_its_start_time(
        self,
        serve: Serve,
        targets: Targets,
        wait_for: WaitFor,
        monkeypatch: pytest.MonkeyPatch,
        start_time: tuple[float, float],
    ) -> None:
        interval, minimum = start_time
        monkeypatch.setattr(target_groups, "MIN_START_SECONDS", minimum)
        serve(group={"check": {"interval": interval}})
        server = targets.add(health_status=503, state="initial")
        # More failures than the threshold; the checks run more often than registered.
        wait_for(lambda: server.health_checks > 4)
        assert targets.state(server) == "initial"

    def test_healthy_and_unhealthy_thresholds_apply(self, serve: Serve, targets: Targets, wait_for: WaitFor) -> None:
        client = serve(group={"check": {"unhealthyThreshold": 3, "healthyThreshold": 4}})
        failing, healthy = targets.add(), targets.add()
        failing.health_status, checks_before = 503, failing.health_checks
        targets.wait(failing, "unhealthy")
        assert failing.health_checks - checks_before >= 3
        assert {client.get("/").json()["port"] for _ in range(10)} == {healthy.server_port}
        failing.health_status, checks_before = 200, failing.health_checks
        targets.wait(failing, "healthy")
        assert failing.health_checks - checks_before >= 4

    @pytest.mark.parametrize(("matcher", "status"), [("200-299", 204), ("200,401", 401), ("204", 204)])
    def test_statuses_of_the_matcher_are_healthy(
        self, serve: Serve, targets: Targets, matcher: str, status: int
    ) -> None:
        serve(group={"check": {"matcher": matcher, **SHORT_CHECK}})
        targets.add(health_status=status)
        targets.add(health_status=300, state="unhealthy")

    def test_target_that_does_not_listen_is_unhealthy(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        server = targets.add()
        server.shutdown()
        server.server_close()
        targets.wait(server, "unhealthy")
        assert client.get("/").status_code == 503


class TestChoice:
    def test_requests_are_distributed_round_robin(self, serve: Serve, targets: Targets) -> None:
        client = serve()
        servers = [targets.add() for _ in range(3)]
        counted = Counter(client.get("/").json()["port"] for _ in range(30))
        assert counted == {server.server_port: 10 for server in servers}

    def test_target_with_least_outstanding_requests_is_chosen_if_configured(
        self, serve: Serve, targets: Targets, wait_for: WaitFor
    ) -> None:
        client = serve(group={"loadBalancingAlgorithmType": "least_outstanding_requests"})
        servers = {server.server_port: server for server in (targets.add(), targets.add())}
        with ThreadPoolExecutor(1) as executor:
            slow = executor.submit(client.get, "/slow")
            started = wait_for(lambda: list(targets.notes.glob("started-*")))
            busy = int(started[0].name.rpartition("-")[2])
            others = {client.get("/").json()["port"] for _ in range(5)}
            (targets.notes / "go").touch()
            assert slow.result().text == "done"
        assert others == set(servers) - {busy}


class TestRemoval:
    def test_removed_target_finishes_its_requests_and_gets_no_more(
        self, serve: Serve, targets: Targets, wait_for: WaitFor
    ) -> None:
        client = serve()
        leaving = targets.add()
        with ThreadPoolExecutor(1) as executor:
            slow = executor.submit(client.get, "/slow")
            wait_for(lambda: list(targets.notes.glob("started-*")))
            staying = targets.add()
            removal = threading.Thread(target=targets.remove, args=(leaving,))
            removal.start()
            targets.wait(leaving, "draining")
            assert {client.get("/").json()["port"] for _ in range(10)} == {staying.server_port}
            assert removal.is_alive() and not slow.done()
            (targets.notes / "go").touch()
            assert slow.result().text == "done"
            removal.join(30)
        assert not removal.is_alive()
        assert targets.state(leaving) is None

    def test_draining_ends_after_the_deregistration_delay(
        self, serve: Serve, targets: Targets, wait_for: WaitFor
    ) -> None:
        client = serve(group={"deregistrationDelay": 0})
        leaving = targets.add()
        with ThreadPoolExecutor(1) as executor:
            slow = executor.submit(client.get, "/slow")
            wait_for(lambda: list(targets.notes.glob("started-*")))
            targets.remove(leaving)
            assert not slow.done()
            (targets.notes / "go").touch()
            assert slow.result().text == "done"

    def test_removing_an_unknown_target_has_no_effect(self, serve: Serve, targets: Targets) -> None:
        serve()
        targets.remove(targets.start())

    def test_target_can_be_removed_after_close(self, serve: Serve, targets: Targets, balancers: LoadBalancers) -> None:
        serve()
        server = targets.add()
        balancers.close()
        targets.remove(server)
        assert targets.state(server) is None
