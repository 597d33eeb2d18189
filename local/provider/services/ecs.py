"""ECS: clusters, task definitions and services. The runner starts a service's tasks; the emulator stores the rest.

The emulator does not store a service's deployment configuration and ECS Exec setting; AWS's models still validate both.
"""

import json
from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Inputs, ResourceType

# Members of AWS's deployment configuration that are inputs of the resource itself.
_DEPLOYMENT_CONFIGURATION = {
    "alarms": "alarms",
    "deploymentCircuitBreaker": "deploymentCircuitBreaker",
    "deploymentMaximumPercent": "maximumPercent",
    "deploymentMinimumHealthyPercent": "minimumHealthyPercent",
}


def _parse_containers(inputs: Inputs) -> Inputs:
    """Parse the container definitions: the input is a JSON string, AWS expects a list."""
    try:
        containers = json.loads(inputs["containerDefinitions"])
    except (KeyError, TypeError, ValueError):
        raise ResourceError("containerDefinitions must be a JSON string") from None
    return {**inputs, "containerDefinitions": containers}


def _nest_deployment_configuration(inputs: Inputs) -> Inputs:
    rest = {name: value for name, value in inputs.items() if name not in _DEPLOYMENT_CONFIGURATION}
    nested = {
        member: inputs[name] for name, member in _DEPLOYMENT_CONFIGURATION.items() if inputs.get(name) is not None
    }
    configuration = {**(inputs.get("deploymentConfiguration") or {}), **nested}
    return {**rest, "deploymentConfiguration": configuration} if configuration else rest


def _arn_without_revision(_: Inputs, known: KnownValues) -> Any:
    return known.resolve("{TaskDefinitionArn}").rpartition(":")[0]


TYPES = (
    ResourceType(
        "aws:ecs/cluster:Cluster",
        "ecs.create_cluster",
        {"configuration.executeCommandConfiguration.logConfiguration.s3BucketEncryptionEnabled": "s3EncryptionEnabled"},
        id="{ClusterArn}",
    ),
    ResourceType(
        "aws:ecs/taskDefinition:TaskDefinition",
        "ecs.register_task_definition",
        {"volumes.hostPath": "host.sourcePath", "volumes.configureAtLaunch": "configuredAtLaunch"},
        id="{Family}",
        ignore=("skipDestroy", "trackLatest"),
        prepare=_parse_containers,
        prepared=("containerDefinitions",),
        outputs={"arn": "{TaskDefinitionArn}", "arnWithoutRevision": _arn_without_revision},
    ),
    ResourceType(
        "aws:ecs/service:Service",
        "ecs.create_service",
        {
            "iamRole": "role",
            "orderedPlacementStrategies": "placementStrategy",
            "loadBalancers.elbName": "loadBalancerName",
            "serviceConnectConfiguration.services.clientAlias": "clientAliases",
            "serviceConnectConfiguration.services.tls.issuerCertAuthority": "issuerCertificateAuthority",
            "volumeConfiguration.managedEbsVolume.sizeInGb": "sizeInGiB",
        },
        id="{ServiceArn}",
        ignore=("forceDelete", "forceNewDeployment", "sigintRollback", "triggers", "waitForSteadyState"),
        prepare=_nest_deployment_configuration,
        prepared=tuple(_DEPLOYMENT_CONFIGURATION),
        outputs={"arn": "{ServiceArn}"},
    ),
)
