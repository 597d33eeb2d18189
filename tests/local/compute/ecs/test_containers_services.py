"""Services: desired count, replacement of tasks, steady state and close."""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import psutil
import pytest

from local.compute.ecs import container_service
from local.compute.ecs.container_service import ContainerService, ServiceDefinition
from local.compute.elbv2.load_balancers import LoadBalancers
from local.compute.elbv2.target_groups import Target
from local.errors import LocalPlatformError, RegistrationError
from tests.local.compute.ecs.container_fixtures import SHORT_CHECK, Platform, balancers, platform, serve

__all__ = ["balancers", "platform", "serve"]

WaitFor = Callable[..., Any]
BREAKER = {"enable": True, "rollback": True}
# A health check without curl, at the registered port of the container.
CHECK_HEALTH = "import urllib.request as r; r.urlopen('http://localhost:3000/health', timeout=10)"


def check(**inputs: Any) -> dict[str, Any]:
    command = ["CMD", "python3", "-c", CHECK_HEALTH]
    # The start period is long enough for any machine; failures after the first success count immediately.
    return {"healthCheck": {"command": command, "interval": 0.1, "retries": 2, "startPeriod": 600, **inputs}}


class TestDesiredCount:
    def test_requests_are_distributed_over_all_tasks(self, platform: Platform) -> None:
        client = platform.start(desiredCount=2)
        assert len(platform.pids(client)) == 2
        assert platform.containers.process_names == ("container-api-1", "container-api-2")

    def test_zero_tasks_are_steady_immediately(self, platform: Platform) -> None:
        assert platform.start(desiredCount=0).get("/").status_code == 503
        assert platform.containers.process_names == ()

    def test_without_wait_for_steady_state_the_start_returns_early(self, platform: Platform, wait_for: WaitFor) -> None:
        (platform.notes / "unwell").touch()
        client = platform.start(waitForSteadyState=False)
        assert client.get("/").status_code == 503
        (platform.notes / "unwell").unlink()
        wait_for(lambda: client.get("/").status_code == 200)


class TestReplacement:
    def test_killed_task_is_replaced(self, platform: Platform, wait_for: WaitFor) -> None:
        client = platform.start(desiredCount=2)
        killed, left = platform.pids(client)
        os.kill(killed, signal.SIGKILL)

        def is_replaced() -> bool:
            # Requests at the moment of the end may fail, as on AWS.
            pids = platform.pids(client)
            return len(pids) == 2 and left in pids and killed not in pids

        wait_for(is_replaced)

    def test_task_that_fails_the_load_balancers_health_check_is_replaced(
        self, platform: Platform, wait_for: WaitFor
    ) -> None:
        client = platform.start()
        (unhealthy,) = platform.pids(client)
        (platform.notes / "unwell").touch()
        wait_for(lambda: client.get("/").status_code == 503)
        wait_for(lambda: not psutil.pid_exists(unhealthy))
        (platform.notes / "unwell").unlink()
        assert unhealthy not in wait_for(lambda: platform.pids(client))

    def test_unhealthy_task_is_kept_during_the_grace_period(self, platform: Platform, wait_for: WaitFor) -> None:
        (platform.notes / "unwell").touch()
        client = platform.start(
            group={"check": SHORT_CHECK}, healthCheckGracePeriodSeconds=600, waitForSteadyState=False
        )
        wait_for(lambda: _states(platform) == ["unhealthy"])
        (process,) = platform.supervisor.processes()
        (platform.notes / "unwell").unlink()
        assert wait_for(lambda: platform.pids(client)) == {process.pid}

    def test_task_that_fails_the_container_health_check_is_replaced(
        self, platform: Platform, wait_for: WaitFor
    ) -> None:
        # Without a load balancer, whose health check would also fail.
        platform.start(container=check(), loadBalancers=[])
        slot = platform.containers._services["api"]._slots[0]
        url = f"http://127.0.0.1:{slot.port}/"
        unhealthy = httpx.get(url, trust_env=False).json()["pid"]
        (platform.notes / "unwell").touch()
        wait_for(lambda: not psutil.pid_exists(unhealthy))
        (platform.notes / "unwell").unlink()
        wait_for(lambda: _responding_pid(url) not in {None, unhealthy})

    def test_health_check_may_use_a_shell(self, platform: Platform) -> None:
        command = ["CMD-SHELL", f'python -c "{CHECK_HEALTH}" || exit 1']
        assert platform.start(container=check(command=command)).get("/").status_code == 200

    def test_container_health_check_that_never_succeeds_fails_the_service(self, platform: Platform) -> None:
        failing = check(command=["CMD", "python", "-c", "raise SystemExit(1)"], interval=0.01, startPeriod=0)
        with pytest.raises(
            RegistrationError, match="the last: container-api-1 fails its container health check; its log"
        ):
            platform.start(container=failing, deploymentCircuitBreaker=BREAKER)


class TestFirstStart:
    def test_circuit_breaker_error_contains_the_log(self, platform: Platform) -> None:
        (platform.notes / "fail-always").touch()
        with pytest.raises(RegistrationError) as failed:
            platform.start(deploymentCircuitBreaker=BREAKER)
        problem = re.sub(r"\n(no database\n?)+$", "\nno database", failed.value.problem)
        assert problem == (
            "api: 3 tasks failed in a row; the last: container-api-1 exited with status 3; its log ends with:\nno database"
        )

    def test_task_that_never_becomes_healthy_opens_the_circuit_breaker(self, platform: Platform) -> None:
        (platform.notes / "unwell").touch()
        failure = "3 tasks failed in a row; the last: container-api-1 fails the load balancer's health check: "
        with pytest.raises(RegistrationError, match=failure):
            platform.start(group={"check": SHORT_CHECK}, deploymentCircuitBreaker=BREAKER)

    def test_without_circuit_breaker_the_time_is_limited(
        self, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(container_service, "STEADY_STATE_SECONDS", 1.0)
        (platform.notes / "unwell").touch()
        with pytest.raises(RegistrationError, match="api: not every task became healthy within 1 s: container-api-1 "):
            platform.start()

    def test_single_failure_before_success_is_tolerated(self, platform: Platform) -> None:
        (platform.notes / "fail-once").touch()
        assert platform.start(deploymentCircuitBreaker=BREAKER).get("/").status_code == 200
        assert platform.log() == "no database\nserving\n"


class HealthyTask:
    """A task that is always healthy and never exits."""

    address, port, started_at, check_state = "127.0.0.1", 1, 0.0, "healthy"

    def poll(self) -> None:
        return None

    def log_tail(self) -> str:
        return ""

    def stop(self) -> None:
        return None


class TestSteadyState:
    """Services without target groups, whose tasks are controlled by the test."""

    DEFINITION = ServiceDefinition(
        urn="urn", name="api", desired_count=2, target_groups=(), grace_seconds=0, has_circuit_breaker=True,
        waits_for_steady_state=True,
    )  # fmt: skip

    @pytest.fixture
    def run(self, balancers: LoadBalancers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
        monkeypatch.setattr(container_service, "FIRST_BACKOFF_SECONDS", 0.01)
        running: list[ContainerService] = []

        def started(definition: ServiceDefinition, launch: Callable[[str], Any]) -> ContainerService:
            running.append(ContainerService(definition, lambda name, *_: launch(name), balancers))
            running[-1].start()
            return running[-1]

        yield started
        for service in running:
            service.close()

    def test_success_resets_the_failure_count(self, run: Callable[..., Any], wait_for: WaitFor) -> None:
        failures = {"container-api-1": 2, "container-api-2": 2}
        is_first_healthy = threading.Event()

        def launch(name: str) -> Any:
            if name.endswith("2"):
                assert is_first_healthy.wait(60)
            if failures[name]:
                failures[name] -= 1
                raise LocalPlatformError("not yet")
            return HealthyTask()

        service = run(self.DEFINITION, launch)
        wait_for(lambda: service._slots[0].healthy)
        is_first_healthy.set()
        service.wait_until_steady()
        assert failures == {"container-api-1": 0, "container-api-2": 0}

    def test_one_healthy_task_of_two_is_not_steady(
        self, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(container_service, "STEADY_STATE_SECONDS", 1.0)

        def launch(name: str) -> Any:
            if name.endswith("2"):
                raise LocalPlatformError("no room")
            return HealthyTask()

        service = run(replace(self.DEFINITION, has_circuit_breaker=False), launch)
        with pytest.raises(RegistrationError, match="within 1 s: container-api-2 cannot be started: no room"):
            service.wait_until_steady()


class TestClose:
    def test_close_finishes_requests_in_progress(self, platform: Platform, wait_for: WaitFor) -> None:
        client = platform.start(desiredCount=2)
        with ThreadPoolExecutor(5) as executor:
            slow = [executor.submit(client.get, "/slow") for _ in range(4)]
            wait_for(lambda: len(list(platform.notes.glob("started-*"))) == 2)
            wait_for(lambda: _in_flight(platform) == 4)
            closing = executor.submit(platform.containers.close)
            wait_for(lambda: client.get("/").status_code == 503)
            assert not closing.done()
            (platform.notes / "go").touch()
            responses = [each.result(60) for each in slow]
            closing.result(60)
        assert [(response.status_code, response.text) for response in responses] == [(200, "done")] * 4
        for number in (1, 2):
            assert platform.log(number).endswith("SIGTERM received\ndrained\n")

    def test_task_that_receives_sigterm_finishes_its_request_and_is_replaced(
        self, platform: Platform, wait_for: WaitFor
    ) -> None:
        client = platform.start()
        (pid,) = platform.pids(client)
        with ThreadPoolExecutor(1) as executor:
            slow = executor.submit(client.get, "/slow")
            wait_for(lambda: list(platform.notes.glob("started-*")))
            os.kill(pid, signal.SIGTERM)
            (platform.notes / "go").touch()
            assert slow.result(60).text == "done"

        def is_replaced() -> bool:
            # The load balancer does not know of the signal: until the server stops accepting, the old task gets requests, too.
            pids = platform.pids(client)
            return bool(pids) and pid not in pids

        wait_for(is_replaced)

    def test_close_leaves_no_process_running(self, platform: Platform) -> None:
        client = platform.start(desiredCount=2, container=check(interval=0.1))
        pids = platform.pids(client) | {int(client.get("/child").text)}
        assert len(pids) == 3
        platform.containers.close()
        _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=60)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        assert not [each for each in platform.supervisor.processes() if each.name.startswith("container-")]

    def test_close_kills_a_task_after_the_stop_timeout(self, platform: Platform) -> None:
        client = platform.start(container={"stopTimeout": 1}, variables={"STUBBORN": "1"})
        (pid,) = platform.pids(client)
        platform.containers.close()
        assert not psutil.pid_exists(pid)
        assert platform.log().endswith("SIGTERM received\n")

    def test_close_stops_a_service_that_is_starting(
        self, platform: Platform, serve: Callable[..., httpx.Client], wait_for: WaitFor
    ) -> None:
        (platform.notes / "unwell").touch()
        with ThreadPoolExecutor(1) as executor:
            starting = executor.submit(platform.start)
            wait_for(lambda: platform.containers.process_names)
            platform.containers.close()
            with pytest.raises(RegistrationError, match="api: it was stopped while it started"):
                starting.result(60)


def _responding_pid(url: str) -> int | None:
    try:
        return int(httpx.get(url, trust_env=False).json()["pid"])
    except httpx.TransportError:
        return None


def _targets(platform: Platform) -> list[Target]:
    return [target for group in platform.balancers._groups.values() for target in group._targets]


def _states(platform: Platform) -> list[str]:
    return [target.state for target in _targets(platform)]


def _in_flight(platform: Platform) -> int:
    return sum(target.in_flight for target in _targets(platform))
