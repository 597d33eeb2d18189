"""Systems Manager: parameters."""

from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.table import Inputs, ResourceType


def _arn(inputs: Inputs, facts: Facts) -> Any:
    """A path begins with the slash that divides it from the rest of the ARN."""
    return facts.resolve("arn:aws:ssm:{Region}:{Account}:parameter/" + str(inputs["name"]).removeprefix("/"))


TYPES = (
    ResourceType(
        "aws:ssm/parameter:Parameter",
        "ssm.put_parameter",
        {"insecureValue": "Value"},
        unsupported=("arn", "valueWo", "valueWoVersion"),
        outputs={"arn": _arn},
    ),
)
