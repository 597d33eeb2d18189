import itertools

from hypothesis import strategies as st

from components.container_task import ContainerTask, ContainerTaskArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from tests.components.configurations import load_balancer
from tests.components.configurations.recipes import Recipe, mistake
from tests.components.configurations.values import (
    PLACEMENTS,
    SHORTEST_NAMING,
    WRONG_PLACEMENTS,
    given,
    other_than,
    outside,
    whole,
    words,
)

NUMBERS = itertools.count(1)


def balancer(**arguments):
    return LoadBalancer(f"balancer-{next(NUMBERS)}", LoadBalancerArgs(**arguments))


def task(**arguments):
    return ContainerTask(f"task-{next(NUMBERS)}", ContainerTaskArgs(**arguments))


BALANCER = {"naming": SHORTEST_NAMING, "vpc_id": "vpc-1", "public_subnet_ids": ["subnet-1", "subnet-2"]}
TASK = {"naming": SHORTEST_NAMING, "resource_name": "api", "image": f"ghcr.io/example/api@sha256:{'0' * 64}"}


@st.composite
def parts(draw, shifts_traffic):
    """A load balancer and a task on its port, with names that fit both. What else they can be is their own matter."""
    naming = draw(load_balancer.NAMES)["naming"]
    both = {"naming": naming, "port": draw(whole(1, 65_535))}
    container = TASK | both | {"resource_name": draw(words(8))}
    behind = BALANCER | both | {"shifts_traffic": shifts_traffic}
    return {"naming": naming, "task": Recipe(task, container), "load_balancer": Recipe(balancer, behind)}


@st.composite
def numbers(draw):
    """How many tasks: none or more, and where their number scales at least one and no more than the most."""
    if draw(st.booleans()):
        return draw(given({}, desired_count=whole(0, 1_000)))
    maximum = draw(whole(1, 1_000))
    return draw(given({"maximum_count": st.just(maximum)}, desired_count=whole(1, maximum)))


@st.composite
def services(draw):
    """A deployment that moves traffic needs a load balancer that can."""
    shifts = draw(st.booleans())
    deployment = draw(st.sampled_from(["rolling", "canary", "blue_green"] if shifts else ["rolling"]))
    drawn = draw(parts(shifts)) | draw(numbers())
    if deployment != "rolling" or draw(st.booleans()):
        drawn["deployment"] = deployment
    drawn["placement"] = draw(PLACEMENTS)
    if draw(st.booleans()):
        drawn["depends_on"] = [drawn["task"]]
    return drawn


VALID = services()
SHIFTS = st.sampled_from(["canary", "blue_green"])
# Each is made once for all the mistakes that it is part of.
STEADY = {"task": Recipe(task, TASK), "load_balancer": Recipe(balancer, BALANCER)}
ELSEWHERE = STEADY | {"task": Recipe(task, TASK | {"port": 3001})}
INVALID = [
    mistake("desired_count", maximum_count=None, desired_count=outside(0, 1_000)),
    mistake("desired_count", maximum_count=10, desired_count=outside(1, 1_000)),
    mistake("maximum_count", desired_count=whole(2, 1_000), maximum_count=1),
    mistake("maximum_count", desired_count=1, maximum_count=outside(1, 1_000)),
    mistake("deployment", deployment=other_than("rolling", "canary", "blue_green")),
    mistake("task", **ELSEWHERE),
    mistake("deployment", **STEADY, deployment=SHIFTS),
    *WRONG_PLACEMENTS,
]
