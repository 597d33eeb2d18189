import itertools
from typing import Any

from hypothesis import strategies as st

from components.container_task import ContainerTask, ContainerTaskArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from tests.components.configurations import load_balancer
from tests.components.configurations.deferred import DeferredObject, invalid
from tests.components.configurations.values import (
    INVALID_PLACEMENTS,
    PLACEMENTS,
    SHORTEST_NAMING,
    arguments,
    integers,
    kebab_case,
    other_than,
    outside_range,
)

NUMBERS = itertools.count(1)


def balancer(**arguments: Any) -> Any:
    return LoadBalancer(f"balancer-{next(NUMBERS)}", LoadBalancerArgs(**arguments))


def task(**arguments: Any) -> Any:
    return ContainerTask(f"task-{next(NUMBERS)}", ContainerTaskArgs(**arguments))


BALANCER = {"naming": SHORTEST_NAMING, "vpc_id": "vpc-1", "public_subnet_ids": ["subnet-1", "subnet-2"]}
TASK = {"naming": SHORTEST_NAMING, "resource_name": "api", "image": f"ghcr.io/example/api@sha256:{'0' * 64}"}


@st.composite
def objects(draw: Any, shifts_traffic: Any) -> Any:
    """Draw a load balancer and a task with the same port, and names that fit both. Their own tests vary the rest."""
    naming = draw(load_balancer.NAMES)["naming"]
    both = {"naming": naming, "port": draw(integers(1, 65_535))}
    container = TASK | both | {"resource_name": draw(kebab_case(8))}
    behind = BALANCER | both | {"shifts_traffic": shifts_traffic}
    return {
        "naming": naming,
        "task": DeferredObject(task, container),
        "load_balancer": DeferredObject(balancer, behind),
    }


@st.composite
def numbers(draw: Any) -> Any:
    """Draw the number of tasks; with scaling, at least one and at most the maximum."""
    if draw(st.booleans()):
        return draw(arguments({}, desired_count=integers(0, 1_000)))
    maximum = draw(integers(1, 1_000))
    return draw(arguments({"maximum_count": st.just(maximum)}, desired_count=integers(1, maximum)))


@st.composite
def services(draw: Any) -> Any:
    """Draw a deployment; one that shifts traffic needs a load balancer with two target groups."""
    shifts = draw(st.booleans())
    deployment = draw(st.sampled_from(["rolling", "canary", "blue_green"] if shifts else ["rolling"]))
    drawn = draw(objects(shifts)) | draw(numbers())
    if deployment != "rolling" or draw(st.booleans()):
        drawn["deployment"] = deployment
    drawn["placement"] = draw(PLACEMENTS)
    if draw(st.booleans()):
        drawn["depends_on"] = [drawn["task"]]
    return drawn


VALID = services()
SHIFTS = st.sampled_from(["canary", "blue_green"])
# Each is created once for all invalid changes that contain it.
STEADY = {"task": DeferredObject(task, TASK), "load_balancer": DeferredObject(balancer, BALANCER)}
ELSEWHERE = STEADY | {"task": DeferredObject(task, TASK | {"port": 3001})}
INVALID = [
    invalid("desired_count", maximum_count=None, desired_count=outside_range(0, 1_000)),
    invalid("desired_count", maximum_count=10, desired_count=outside_range(1, 1_000)),
    invalid("maximum_count", desired_count=integers(2, 1_000), maximum_count=1),
    invalid("maximum_count", desired_count=1, maximum_count=outside_range(1, 1_000)),
    invalid("deployment", deployment=other_than("rolling", "canary", "blue_green")),
    invalid("task", **ELSEWHERE),
    invalid("deployment", **STEADY, deployment=SHIFTS),
    *INVALID_PLACEMENTS,
]
