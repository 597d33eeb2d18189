"""ECS: clusters, task definitions and services. What a service runs is the runner's; the emulator stores the rest.

The emulator forgets how a service deploys and whether commands may be executed in it; AWS's models check both all the same.
"""

import json
from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import Inputs, ResourceType

# AWS keeps these inside the deployment configuration, the resource beside it.
_OF_DEPLOYMENT = {
    "alarms": "alarms",
    "deploymentCircuitBreaker": "deploymentCircuitBreaker",
    "deploymentMaximumPercent": "maximumPercent",
    "deploymentMinimumHealthyPercent": "minimumHealthyPercent",
}


def _parsed(inputs: Inputs) -> Inputs:
    """The container definitions are one JSON text, where AWS wants a list."""
    try:
        containers = json.loads(inputs["containerDefinitions"])
    except (KeyError, TypeError, ValueError):
        raise ProblemError("containerDefinitions must be a JSON text") from None
    return {**inputs, "containerDefinitions": containers}


def _deployed(inputs: Inputs) -> Inputs:
    kept = {name: value for name, value in inputs.items() if name not in _OF_DEPLOYMENT}
    inside = {member: inputs[name] for name, member in _OF_DEPLOYMENT.items() if inputs.get(name) is not None}
    configuration = {**(inputs.get("deploymentConfiguration") or {}), **inside}
    return {**kept, "deploymentConfiguration": configuration} if configuration else kept


def _without_revision(_: Inputs, facts: Facts) -> Any:
    return facts.resolve("{TaskDefinitionArn}").rpartition(":")[0]


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
        prepare=_parsed,
        prepared=("containerDefinitions",),
        outputs={"arn": "{TaskDefinitionArn}", "arnWithoutRevision": _without_revision},
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
        prepare=_deployed,
        prepared=tuple(_OF_DEPLOYMENT),
        outputs={"arn": "{ServiceArn}"},
    ),
)
