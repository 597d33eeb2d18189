"""Systems Manager: parameters."""

from typing import Any

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Inputs, ResourceType


def _arn(inputs: Inputs, known: KnownValues) -> Any:
    """Return the ARN: a name that is a path has its own leading slash."""
    return known.resolve("arn:aws:ssm:{Region}:{Account}:parameter/" + str(inputs["name"]).removeprefix("/"))


TYPES = (
    ResourceType(
        "aws:ssm/parameter:Parameter",
        "ssm.put_parameter",
        {"insecureValue": "Value"},
        unsupported=("arn", "valueWo", "valueWoVersion"),
        outputs={"arn": _arn},
    ),
)
