"""Services keep their tasks: how many, how they come back, and how they end."""

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
from tests.local.compute.ecs.container_fixtures import IMPATIENT, Platform, balancers, platform, serve

__all__ = ["balancers", "platform", "serve"]

WaitFor = Callable[..., Any]
BREAKER = {"enable": True, "rollback": True}
# Asks as an image without curl does, at the address that a container knows itself by.
ASK_HEALTH = "import urllib.request as r; r.urlopen('http://localhost:3000/health', timeout=10)"


def check(**inputs: Any) -> dict[str, Any]:
    command = ["CMD", "python3", "-c", ASK_HEALTH]
    # No start is too slow for it; what fails after a success counts at once.
    return {"healthCheck": {"command": command, "interval": 0.1, "retries": 2, "startPeriod": 600, **inputs}}


class TestDesiredCount:
    def test_so_many_tasks_are_served_in_turn(self, platform: Platform) -> None:
        client = platform.start(desiredCount=2)
        assert len(platform.pids(client)) == 2
        assert platform.containers.process_names == ("container-api-1", "container-api-2")

    def test_none_are_steady_at_once(self, platform: Platform) -> None:
        assert platform.start(desiredCount=0).get("/").status_code == 503
        assert platform.containers.process_names == ()

    def test_without_waiting_the_registration_returns_before_health(
        self, platform: Platform, wait_for: WaitFor
    ) -> None:
        (platform.notes / "unwell").touch()
        client = platform.start(waitForSteadyState=False)
        assert client.get("/").status_code == 503
        (platform.notes / "unwell").unlink()
        wait_for(lambda: client.get("/").status_code == 200)


class TestReplacement:
    def test_a_killed_task_gets_no_requests_and_comes_back(self, platform: Platform, wait_for: WaitFor) -> None:
        client = platform.start(desiredCount=2)
        killed, left = platform.pids(client)
        os.kill(killed, signal.SIGKILL)
        # Whoever asks in the moment of the end may be told of it, as on AWS.
        now = wait_for(lambda: (pids := platform.pids(client)) - {left} and pids)
        assert left in now and killed not in now

    def test_a_task_that_the_load_balancer_gives_up_is_replaced(self, platform: Platform, wait_for: WaitFor) -> None:
        client = platform.start()
        (sick,) = platform.pids(client)
        (platform.notes / "unwell").touch()
        wait_for(lambda: client.get("/").status_code == 503)
        wait_for(lambda: not psutil.pid_exists(sick))
        (platform.notes / "unwell").unlink()
        assert sick not in wait_for(lambda: platform.pids(client))

    def test_the_grace_period_keeps_a_task_that_is_not_well_yet(self, platform: Platform, wait_for: WaitFor) -> None:
        (platform.notes / "unwell").touch()
        client = platform.start(group={"check": IMPATIENT}, healthCheckGracePeriodSeconds=600, waitForSteadyState=False)
        wait_for(lambda: _states(platform) == ["unhealthy"])
        (process,) = platform.supervisor.processes()
        (platform.notes / "unwell").unlink()
        assert wait_for(lambda: platform.pids(client)) == {process.pid}

    def test_the_containers_own_check_decides_too(self, platform: Platform, wait_for: WaitFor) -> None:
        # Behind no load balancer, so that nothing else can find out.
        platform.start(container=check(), loadBalancers=[])
        slot = platform.containers._services["api"]._slots[0]
        url = f"http://127.0.0.1:{slot.port}/"
        sick = httpx.get(url, trust_env=False).json()["pid"]
        (platform.notes / "unwell").touch()
        wait_for(lambda: not psutil.pid_exists(sick))
        (platform.notes / "unwell").unlink()
        wait_for(lambda: _answering(url) not in {None, sick})

    def test_a_shell_may_check_too(self, platform: Platform) -> None:
        command = ["CMD-SHELL", f'python -c "{ASK_HEALTH}" || exit 1']
        assert platform.start(container=check(command=command)).get("/").status_code == 200

    def test_a_check_that_never_succeeds_fails_the_service(self, platform: Platform) -> None:
        failing = check(command=["CMD", "python", "-c", "raise SystemExit(1)"], interval=0.01, startPeriod=0)
        with pytest.raises(
            RegistrationError, match="the last: container-api-1 fails its container health check; its log"
        ):
            platform.start(container=failing, deploymentCircuitBreaker=BREAKER)


class TestFirstStart:
    def test_the_circuit_breaker_names_the_log(self, platform: Platform) -> None:
        (platform.notes / "fail-always").touch()
        with pytest.raises(RegistrationError) as failed:
            platform.start(deploymentCircuitBreaker=BREAKER)
        said = re.sub(r"\n(no database at all\n?)+$", "\nno database at all", failed.value.problem)
        assert said == (
            "api: 3 tasks failed in a row; the last: container-api-1 exited with status 3; its log ends with:\nno database at all"
        )

    def test_a_task_that_never_becomes_healthy_is_replaced_and_given_up(self, platform: Platform) -> None:
        (platform.notes / "unwell").touch()
        failure = "3 tasks failed in a row; the last: container-api-1 fails the load balancer's health check: "
        with pytest.raises(RegistrationError, match=failure):
            platform.start(group={"check": IMPATIENT}, deploymentCircuitBreaker=BREAKER)

    def test_without_the_breaker_the_time_is_limited(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(container_service, "STEADY_STATE_SECONDS", 1.0)
        (platform.notes / "unwell").touch()
        with pytest.raises(RegistrationError, match="api: not every task became healthy within 1 s: container-api-1 "):
            platform.start()

    def test_a_failure_before_success_is_forgiven(self, platform: Platform) -> None:
        (platform.notes / "fail-once").touch()
        assert platform.start(deploymentCircuitBreaker=BREAKER).get("/").status_code == 200
        assert platform.log() == "no database at all\nserving\n"


class WellTask:
    """A task that is healthy from its start and never ends."""

    address, port, started_at, check_state = "127.0.0.1", 1, 0.0, "healthy"

    def poll(self) -> None:
        return None

    def log_tail(self) -> str:
        return ""

    def stop(self) -> None:
        return None


class TestSteadyState:
    """With tasks that the test decides about; they belong to no target group."""

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

    def test_a_success_between_failures_forgives_them(self, run: Callable[..., Any], wait_for: WaitFor) -> None:
        failures = {"container-api-1": 2, "container-api-2": 2}
        first_is_well = threading.Event()

        def launch(name: str) -> Any:
            if name.endswith("2"):
                assert first_is_well.wait(60)
            if failures[name]:
                failures[name] -= 1
                raise LocalPlatformError("not yet")
            return WellTask()

        service = run(self.DEFINITION, launch)
        wait_for(lambda: service._slots[0].healthy)
        first_is_well.set()
        service.wait_until_steady()
        assert failures == {"container-api-1": 0, "container-api-2": 0}

    def test_one_task_of_two_is_not_enough(self, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(container_service, "STEADY_STATE_SECONDS", 1.0)

        def launch(name: str) -> Any:
            if name.endswith("2"):
                raise LocalPlatformError("no room")
            return WellTask()

        service = run(replace(self.DEFINITION, has_circuit_breaker=False), launch)
        with pytest.raises(RegistrationError, match="within 1 s: container-api-2 cannot be started: no room"):
            service.wait_until_steady()


class TestClose:
    def test_requests_at_work_are_finished(self, platform: Platform, wait_for: WaitFor) -> None:
        client = platform.start(desiredCount=2)
        with ThreadPoolExecutor(5) as executor:
            slow = [executor.submit(client.get, "/slow") for _ in range(4)]
            wait_for(lambda: len(list(platform.notes.glob("started-*"))) == 2)
            # Each of the two has one, the others are on their way there or have arrived.
            wait_for(lambda: _at_work(platform) == 4)
            closing = executor.submit(platform.containers.close)
            wait_for(lambda: client.get("/").status_code == 503)
            assert not closing.done()
            (platform.notes / "go").touch()
            answers = [each.result(60) for each in slow]
            closing.result(60)
        assert [(answer.status_code, answer.text) for answer in answers] == [(200, "done")] * 4
        for number in (1, 2):
            assert platform.log(number).endswith("asked to stop\ndrained\n")

    def test_a_task_that_is_asked_to_stop_from_outside_finishes_what_it_has(
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
        assert pid not in wait_for(lambda: platform.pids(client))

    def test_nothing_is_left_running(self, platform: Platform) -> None:
        client = platform.start(desiredCount=2, container=check(interval=0.1))
        pids = platform.pids(client) | {int(client.get("/child").text)}
        assert len(pids) == 3
        platform.containers.close()
        _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=60)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        assert not [each for each in platform.supervisor.processes() if each.name.startswith("container-")]

    def test_a_task_that_does_not_stop_is_killed(self, platform: Platform) -> None:
        client = platform.start(container={"stopTimeout": 1}, variables={"STUBBORN": "1"})
        (pid,) = platform.pids(client)
        platform.containers.close()
        assert not psutil.pid_exists(pid)
        assert platform.log().endswith("asked to stop\n")

    def test_closing_ends_a_service_that_is_still_starting(
        self, platform: Platform, serve: Callable[..., httpx.Client], wait_for: WaitFor
    ) -> None:
        (platform.notes / "unwell").touch()
        with ThreadPoolExecutor(1) as executor:
            starting = executor.submit(platform.start)
            wait_for(lambda: platform.containers.process_names)
            platform.containers.close()
            with pytest.raises(RegistrationError, match="api: it was stopped while it started"):
                starting.result(60)


def _answering(url: str) -> int | None:
    """The process that answers there."""
    try:
        return int(httpx.get(url, trust_env=False).json()["pid"])
    except httpx.TransportError:
        return None


def _targets(platform: Platform) -> list[Target]:
    return [target for group in platform.balancers._groups.values() for target in group._targets]


def _states(platform: Platform) -> list[str]:
    return [target.state for target in _targets(platform)]


def _at_work(platform: Platform) -> int:
    return sum(target.in_flight for target in _targets(platform))
