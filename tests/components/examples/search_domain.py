"""A search domain for tests."""

from typing import Any

from components.naming import Naming
from components.search_domain import SearchDomainArgs

NAMING = Naming("episode-metadata", "dev")
ROLE = "arn:aws:iam::123456789012:role/"
SUBNETS = ["subnet-1", "subnet-2", "subnet-3"]


def args(**changes: Any) -> Any:
    return SearchDomainArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "vpc_id": "vpc-1",
                "subnet_ids": SUBNETS[:2],
                "administrator_role_arn": f"{ROLE}administrator",
            }
        )
        | changes
    )
