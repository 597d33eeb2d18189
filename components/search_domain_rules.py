"""What OpenSearch takes of a domain: its name, its engine, and how its nodes are spread. Checks and data, without resources."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from components.arguments import check, check_range, is_plain
from components.naming import Naming

# OpenSearch's own limit; every other name of ours may have more than twice as many characters.
LONGEST_NAME = 28
INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9]*\.[a-z0-9]+\.search")
# The EBS volume that a node of these types may have, in GB; of other types only what a volume may have at all is checked.
LEAST_VOLUME_GB, GREATEST_VOLUME_GB = 10, 24_576
VOLUME_LIMITS_GB: Mapping[str, int] = MappingProxyType({"t3.small.search": 100, "t3.medium.search": 200})
MOST_NODES = 80


def shortened_name(naming: Naming, thing: str) -> str:
    """`{project}-{thing}-{environment}`, without the project's last words where that is too long."""
    words = naming.project.split("-")
    names = [f"{'-'.join(words[:count])}-{thing}-{naming.environment}" for count in range(len(words), 0, -1)]
    return next((name for name in names if len(name) <= LONGEST_NAME), names[-1])


def spread(nodes: int, subnets: int) -> int:
    """Over how many zones so many nodes are spread, each zone with a subnet; 0 where they cannot be evenly."""
    if nodes == 1:
        return 1
    return next((zones for zones in (3, 2) if zones <= subnets and nodes % zones == 0), 0)


def check_domain_name(arguments: Any, name: str) -> None:
    """Raises ArgumentError for a name that is too long for OpenSearch."""
    check(arguments, "naming", len(name) <= LONGEST_NAME, f"must be shorter: {name!r} is over {LONGEST_NAME}")


def check_instance_types(arguments: Any) -> None:
    """Raises ArgumentError for types of instances that OpenSearch has not."""
    for field in ("instance_type", "dedicated_master_type"):
        value = getattr(arguments, field)
        if is_plain(value):
            shape = bool(INSTANCE_TYPE.fullmatch(str(value)))
            check(arguments, field, shape, f"must be a type such as t3.small.search, not {value!r}")


def check_nodes(arguments: Any) -> None:
    """Raises ArgumentError for numbers of nodes that cannot be spread over the zones, and for volumes that they cannot have."""
    check_range(arguments, "instance_count", 1, MOST_NODES)
    listed = " or ".join(str(number) for number in range(2, min(len(arguments.subnet_ids), 3) + 1))
    wanted = f"must be 1, or a multiple of {listed} for as many zones" if listed else "must be 1 in a single subnet"
    problem = f"{wanted}, not {arguments.instance_count}"
    check(arguments, "instance_count", spread(arguments.instance_count, len(arguments.subnet_ids)) > 0, problem)
    known = str(arguments.instance_type) if is_plain(arguments.instance_type) else ""
    check_range(arguments, "volume_gb", LEAST_VOLUME_GB, VOLUME_LIMITS_GB.get(known, GREATEST_VOLUME_GB))
