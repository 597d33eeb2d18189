from typing import Any

from hypothesis import strategies as st

from components.naming import Naming
from components.search_domain_rules import (
    MAX_NAME_LENGTH,
    MAX_NODES,
    MAX_VOLUME_GB,
    MIN_VOLUME_GB,
    VOLUME_LIMITS_GB,
)
from tests.components.configurations.deferred import DeferredOutput, invalid
from tests.components.configurations.values import (
    DIGITS,
    INVALID_RETENTIONS,
    KEYS,
    LETTERS,
    NETWORKS,
    RETENTIONS,
    ROLES,
    SUBNETS,
    SUFFIX,
    arguments,
    identifiers,
    inputs,
    integers,
    merge,
    names,
    outside_range,
    sequences,
)

TYPES = st.builds(
    "{}.{}.search".format,
    identifiers(LETTERS, LETTERS + DIGITS, 6),
    st.sampled_from(["small", "large", "2xlarge"]),
)


@st.composite
def nodes(draw: Any) -> Any:
    """Draw one node, or as many in each of the two or three zones of the subnets."""
    count = draw(integers(1, 4))
    subnets = draw(sequences(inputs(SUBNETS), count, count))
    possible = [
        number
        for number in range(1, MAX_NODES + 1)
        if number == 1 or any(number % z == 0 for z in range(2, min(count, 3) + 1))
    ]
    return {"subnet_ids": subnets} | draw(arguments({}, instance_count=st.sampled_from(possible)))


@st.composite
def volumes(draw: Any) -> Any:
    """Draw a volume within the limits of its instance type; of any volume, if the type is an output."""
    kind = draw(st.sampled_from(["t3.small.search", "t3.medium.search"]) | TYPES)
    if draw(st.booleans()):
        return {"instance_type": DeferredOutput(kind), "volume_gb": draw(integers(MIN_VOLUME_GB, MAX_VOLUME_GB))}
    most = VOLUME_LIMITS_GB.get(kind, MAX_VOLUME_GB)
    return {"instance_type": kind, "volume_gb": draw(integers(MIN_VOLUME_GB, most))}


@st.composite
def short_names(draw: Any) -> Any:
    """Draw names for which the domain's name, which drops the project's last words, is not too long."""
    naming = draw(names(f"search-domain-sg{SUFFIX}", resource_name=False))["naming"]
    environment = naming.environment[:8].rstrip("-")
    words = naming.project.split("-")
    first = words[0][: MAX_NAME_LENGTH - len(f"-search-{environment}")]
    return {"naming": Naming("-".join([first, *words[1:]]), environment)}


VALID = merge(
    short_names(),
    nodes(),
    arguments({}) | volumes(),
    arguments(
        {"vpc_id": inputs(NETWORKS), "administrator_role_arn": inputs(ROLES)},
        dedicated_master_type=inputs(TYPES),
        key_arn=inputs(KEYS),
        log_retention_days=RETENTIONS,
        create_service_role=st.booleans(),
        protected=st.booleans(),
    ),
)
INVALID_TYPES = st.sampled_from(["", "t3.small", "t3.search", "T3.small.search", "db.t3.small.search", ".small.search"])
INVALID = [
    invalid("subnet_ids", subnet_ids=[]),
    invalid("naming", naming=integers(MAX_NAME_LENGTH - 10, 40).map(lambda length: Naming("x" * length, "dev"))),
    invalid("instance_type", instance_type=INVALID_TYPES),
    invalid("dedicated_master_type", dedicated_master_type=INVALID_TYPES),
    invalid("instance_count", instance_count=outside_range(1, MAX_NODES)),
    invalid("instance_count", subnet_ids=["subnet-1"], instance_count=integers(2, MAX_NODES)),
    invalid(
        "instance_count",
        subnet_ids=["subnet-1", "subnet-2"],
        instance_count=integers(1, 39).map(lambda half: 2 * half + 1),
    ),
    invalid(
        "instance_count",
        subnet_ids=["subnet-1", "subnet-2", "subnet-3"],
        instance_count=integers(2, MAX_NODES).filter(lambda number: number % 2 and number % 3),
    ),
    invalid(
        "volume_gb",
        instance_type=inputs(st.just("r7g.large.search")),
        volume_gb=outside_range(MIN_VOLUME_GB, MAX_VOLUME_GB),
    ),
    invalid("volume_gb", instance_type="t3.small.search", volume_gb=integers(101, MAX_VOLUME_GB)),
    invalid("volume_gb", instance_type="t3.medium.search", volume_gb=integers(201, MAX_VOLUME_GB)),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
]
