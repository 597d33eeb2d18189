from hypothesis import strategies as st

from components.naming import Naming
from components.search_domain_rules import (
    MAX_NAME_LENGTH,
    MAX_NODES,
    MAX_VOLUME_GB,
    MIN_VOLUME_GB,
    VOLUME_LIMITS_GB,
)
from tests.components.configurations.recipes import Later, mistake
from tests.components.configurations.values import (
    DIGITS,
    KEYS,
    LETTERS,
    NETWORKS,
    NO_RETENTIONS,
    RETENTIONS,
    ROLES,
    SUBNETS,
    SUFFIX,
    given,
    inputs,
    led,
    merged,
    names,
    outside,
    several,
    whole,
)

TYPES = st.builds(
    "{}.{}.search".format, led(LETTERS, LETTERS + DIGITS, 6), st.sampled_from(["small", "large", "2xlarge"])
)


@st.composite
def nodes(draw):
    """One node, or as many in each of the two or three zones that there are subnets in."""
    count = draw(whole(1, 4))
    subnets = draw(several(inputs(SUBNETS), count, count))
    possible = [
        number
        for number in range(1, MAX_NODES + 1)
        if number == 1 or any(number % z == 0 for z in range(2, min(count, 3) + 1))
    ]
    return {"subnet_ids": subnets} | draw(given({}, instance_count=st.sampled_from(possible)))


@st.composite
def volumes(draw):
    """A volume as its type may have one; of a type that only AWS knows, as any may."""
    kind = draw(st.sampled_from(["t3.small.search", "t3.medium.search"]) | TYPES)
    if draw(st.booleans()):
        return {"instance_type": Later(kind), "volume_gb": draw(whole(MIN_VOLUME_GB, MAX_VOLUME_GB))}
    most = VOLUME_LIMITS_GB.get(kind, MAX_VOLUME_GB)
    return {"instance_type": kind, "volume_gb": draw(whole(MIN_VOLUME_GB, most))}


@st.composite
def short_names(draw):
    """The domain's name drops the project's last words where it is too long; other names of ours do not."""
    naming = draw(names(f"search-domain-sg{SUFFIX}", resource_name=False))["naming"]
    environment = naming.environment[:8].rstrip("-")
    words = naming.project.split("-")
    first = words[0][: MAX_NAME_LENGTH - len(f"-search-{environment}")]
    return {"naming": Naming("-".join([first, *words[1:]]), environment)}


VALID = merged(
    short_names(),
    nodes(),
    given({}) | volumes(),
    given(
        {"vpc_id": inputs(NETWORKS), "administrator_role_arn": inputs(ROLES)},
        dedicated_master_type=inputs(TYPES),
        key_arn=inputs(KEYS),
        log_retention_days=RETENTIONS,
        create_service_role=st.booleans(),
        protected=st.booleans(),
    ),
)
NO_TYPES = st.sampled_from(["", "t3.small", "t3.search", "T3.small.search", "db.t3.small.search", ".small.search"])
INVALID = [
    mistake("subnet_ids", subnet_ids=[]),
    mistake("naming", naming=whole(MAX_NAME_LENGTH - 10, 40).map(lambda length: Naming("x" * length, "dev"))),
    mistake("instance_type", instance_type=NO_TYPES),
    mistake("dedicated_master_type", dedicated_master_type=NO_TYPES),
    mistake("instance_count", instance_count=outside(1, MAX_NODES)),
    mistake("instance_count", subnet_ids=["subnet-1"], instance_count=whole(2, MAX_NODES)),
    mistake(
        "instance_count",
        subnet_ids=["subnet-1", "subnet-2"],
        instance_count=whole(1, 39).map(lambda half: 2 * half + 1),
    ),
    mistake(
        "instance_count",
        subnet_ids=["subnet-1", "subnet-2", "subnet-3"],
        instance_count=whole(2, MAX_NODES).filter(lambda number: number % 2 and number % 3),
    ),
    mistake(
        "volume_gb",
        instance_type=inputs(st.just("r7g.large.search")),
        volume_gb=outside(MIN_VOLUME_GB, MAX_VOLUME_GB),
    ),
    mistake("volume_gb", instance_type="t3.small.search", volume_gb=whole(101, MAX_VOLUME_GB)),
    mistake("volume_gb", instance_type="t3.medium.search", volume_gb=whole(201, MAX_VOLUME_GB)),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
]
