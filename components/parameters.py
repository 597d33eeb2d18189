"""SSM parameters of values that are no secrets, which programs in the account look up by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import check, is_plain
from components.naming import Naming

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# The limit of the standard tier, which is free.
MAX_VALUE_LENGTH = 4096


@dataclass(frozen=True, kw_only=True)
class ParametersArgs:
    """Values by name."""

    naming: Naming
    values: Mapping[str, pulumi.Input[str]]
    """Names, addresses and ids. `api_url` becomes `/{project}/{environment}/api_url`."""

    def __post_init__(self) -> None:
        check(self, "values", bool(self.values), "must name at least one value")
        for name, value in self.values.items():
            check(self, "values", bool(NAME.fullmatch(name)), f"must be named in lower case, not {name!r}")
            if is_plain(value):
                fits = isinstance(value, str) and 0 < len(value) <= MAX_VALUE_LENGTH
                check(
                    self, "values", fits, f"must be strings of 1 to {MAX_VALUE_LENGTH} characters, which {name} is not"
                )


class Parameters(pulumi.ComponentResource):
    """The parameters under one path."""

    values: Mapping[str, pulumi.Output[str]]
    """By name, each known once its parameter exists."""

    def __init__(self, name: str, args: ParametersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Parameters", name, {}, opts)
        made = {
            key: aws.ssm.Parameter(
                f"{name}-{key.replace('_', '-')}",
                name=f"{args.naming.parameter_path}/{key}",
                type="String",
                value=value,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for key, value in args.values.items()
        }
        self.values = {key: parameter.value for key, parameter in made.items()}
        self.register_outputs({})
