"""What others may know of a deployment: as outputs of the stack, and as parameters that a program in the account looks up."""

from collections.abc import Mapping

import pulumi

from components.parameters import Parameters, ParametersArgs
from stacks.deployment import Deployment


def publish(deployment: Deployment, values: Mapping[str, pulumi.Input[str] | None]) -> None:
    """Exports each value by its name, and keeps it as a parameter. None is what this environment has not."""
    present = {name: value for name, value in values.items() if value is not None}
    for name, value in present.items():
        pulumi.export(name, value)
    Parameters("outputs", ParametersArgs(naming=deployment.naming, values=present), deployment.opts)
