"""Published values of a deployment: stack outputs, and SSM parameters for programs in the account."""

from collections.abc import Mapping

import pulumi

from components.parameters import Parameters, ParametersArgs
from stacks.deployment import Deployment


def publish(deployment: Deployment, values: Mapping[str, pulumi.Input[str] | None]) -> Mapping[str, pulumi.Output[str]]:
    """Exports each value by its name, and keeps it as a parameter. None is what this environment has not.

    Answers the values of the parameters, each known once it can be read.
    """
    present = {name: value for name, value in values.items() if value is not None}
    for name, value in present.items():
        pulumi.export(name, value)
    return Parameters("outputs", ParametersArgs(naming=deployment.naming, values=present), deployment.opts).values
