"""Further inputs for the children of a component, so that what it does not set itself is applied to the emulator too."""

from collections.abc import Mapping
from typing import Any

import pulumi


def with_inputs(children: Mapping[str, Mapping[str, Any]]) -> pulumi.ResourceOptions:
    """The options of a component whose children, by name, get these inputs in place of their own."""

    def change(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.name not in children:
            return None
        return pulumi.ResourceTransformationResult(props={**args.props, **children[args.name]}, opts=args.opts)

    return pulumi.ResourceOptions(transformations=[change])
