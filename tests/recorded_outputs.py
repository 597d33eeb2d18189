"""The placeholder outputs of recorded resources, for tests that compare them with the inputs of other resources."""

from typing import Any

from local.engines.registrations import RegisteredResource
from local.provider.placeholders import placeholder_resource

REGION = "us-east-1"


def outputs_of(resource: RegisteredResource) -> dict[str, Any]:
    """Return a recorded resource's outputs and its `id`."""
    region = resource.inputs.get("region") or REGION
    resource_id, outputs = placeholder_resource(
        resource.type, resource.name, resource.urn, resource.inputs, region=region, default_tags={}
    )
    return {**outputs, "id": resource_id}
