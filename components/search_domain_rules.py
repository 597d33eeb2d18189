"""Validation of an OpenSearch domain: its name, its instance types and the spread of its nodes, without resources."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from components.arguments import check, check_range, is_plain
from components.naming import Naming

# The limit of OpenSearch, less than half of that of other resources.
MAX_NAME_LENGTH = 28
INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9]*\.[a-z0-9]+\.search")
# The EBS volume limits by instance type, in GB; other types are only checked against the limits of any volume.
MIN_VOLUME_GB, MAX_VOLUME_GB = 10, 24_576
VOLUME_LIMITS_GB: Mapping[str, int] = MappingProxyType({"t3.small.search": 100, "t3.medium.search": 200})
MAX_NODES = 80


def shortened_name(naming: Naming, resource_name: str) -> str:
    """Return `{project}-{resource_name}-{environment}`, without the project's last words if it is too long."""
    words = naming.project.split("-")
    names = [f"{'-'.join(words[:count])}-{resource_name}-{naming.environment}" for count in range(len(words), 0, -1)]
    return next((name for name in names if len(name) <= MAX_NAME_LENGTH), names[-1])


def zone_count(nodes: int, subnets: int) -> int:
    """Return the number of zones over which the nodes are spread evenly, one subnet each; 0 if they cannot be."""
    if nodes == 1:
        return 1
    return next((zones for zones in (3, 2) if zones <= subnets and nodes % zones == 0), 0)


def check_domain_name(arguments: Any, name: str) -> None:
    """Validate the length of the domain name.

    Raises:
        ArgumentError: OpenSearch rejects the name.
    """
    check(arguments, "naming", len(name) <= MAX_NAME_LENGTH, f"must be shorter: {name!r} is over {MAX_NAME_LENGTH}")


def check_instance_types(arguments: Any) -> None:
    """Validate the instance types.

    Raises:
        ArgumentError: A type is not one of OpenSearch.
    """
    for field in ("instance_type", "dedicated_master_type"):
        value = getattr(arguments, field)
        if is_plain(value):
            shape = bool(INSTANCE_TYPE.fullmatch(str(value)))
            check(arguments, field, shape, f"must be a type such as t3.small.search, not {value!r}")


def check_nodes(arguments: Any) -> None:
    """Validate the number of nodes and their volumes.

    Raises:
        ArgumentError: The nodes cannot be spread evenly, or their type does not support the volume size.
    """
    check_range(arguments, "instance_count", 1, MAX_NODES)
    listed = " or ".join(str(number) for number in range(2, min(len(arguments.subnet_ids), 3) + 1))
    wanted = f"must be 1, or a multiple of {listed} for as many zones" if listed else "must be 1 in a single subnet"
    problem = f"{wanted}, not {arguments.instance_count}"
    check(arguments, "instance_count", zone_count(arguments.instance_count, len(arguments.subnet_ids)) > 0, problem)
    known = str(arguments.instance_type) if is_plain(arguments.instance_type) else ""
    check_range(arguments, "volume_gb", MIN_VOLUME_GB, VOLUME_LIMITS_GB.get(known, MAX_VOLUME_GB))
