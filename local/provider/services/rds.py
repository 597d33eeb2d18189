"""RDS: database instances and their proxies. The server behind both, its address and its secret are the runner's."""

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.table import Call, FromResponse, Inputs, Naming, ResourceType


def _applied_at_once(inputs: Inputs) -> Inputs:
    """RDS must be told when a parameter takes effect; Pulumi's own provider says at once."""
    if not inputs.get("parameters"):
        return inputs
    return {**inputs, "parameters": [{"applyMethod": "immediate", **parameter} for parameter in inputs["parameters"]]}


def _default_group(inputs: Inputs) -> Inputs:
    return {**inputs, "targetGroupName": "default"}


def _target_id(inputs: Inputs, _: Facts) -> str:
    """What Pulumi's provider makes of it; RDS itself gives a target no id."""
    kind, target = next(
        (kind, inputs[name])
        for name, kind in (("dbInstanceIdentifier", "RDS_INSTANCE"), ("dbClusterIdentifier", "TRACKED_CLUSTER"))
        if inputs.get(name)
    )
    return f"{inputs['dbProxyName']}/{inputs['targetGroupName']}/{kind}/{target}"


TYPES = (
    ResourceType(
        "aws:rds/subnetGroup:SubnetGroup",
        "rds.create_db_subnet_group",
        {"name": "DBSubnetGroupName"},
        id="{DBSubnetGroupName}",
        naming=Naming(lowercase=True),
        defaults={"description": "Managed by Pulumi"},
    ),
    ResourceType(
        "aws:rds/parameterGroup:ParameterGroup",
        "rds.create_db_parameter_group",
        {"name": "DBParameterGroupName"},
        id="{DBParameterGroupName}",
        naming=Naming(lowercase=True),
        ignore=("skipDestroy",),
        defaults={"description": "Managed by Pulumi"},
        prepare=_applied_at_once,
        then=(
            Call(
                operation="modify_db_parameter_group",
                rename={"parameters.name": "ParameterName", "parameters.value": "ParameterValue"},
            ),
        ),
    ),
    ResourceType(
        "aws:rds/instance:Instance",
        "rds.create_db_instance",
        {
            "identifier": "DBInstanceIdentifier",
            "instanceClass": "DBInstanceClass",
            "username": "MasterUsername",
            "password": "MasterUserPassword",
            "parameterGroupName": "DBParameterGroupName",
            "backupWindow": "PreferredBackupWindow",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "caCertIdentifier": "CACertificateIdentifier",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
        },
        id="{DbiResourceId}",
        naming=Naming(input_name="identifier", lowercase=True),
        ignore=(
            "allowMajorVersionUpgrade",
            "applyImmediately",
            "blueGreenUpdate",
            "deleteAutomatedBackups",
            "finalSnapshotIdentifier",
            "skipFinalSnapshot",
        ),
        unsupported=(
            "passwordWo",
            "passwordWoVersion",
            "replicaMode",
            "replicateSourceDb",
            "restoreToPointInTime",
            "s3Import",
            "snapshotIdentifier",
            "upgradeStorageConfig",
            "warningEventCategories",
        ),
        outputs={
            "address": FromResponse("DBInstance.Endpoint.Address"),
            "port": FromResponse("DBInstance.Endpoint.Port"),
            "endpoint": FromResponse(
                "DBInstance.Endpoint && join(':', [DBInstance.Endpoint.Address, to_string(DBInstance.Endpoint.Port)])"
            ),
            "resourceId": "{DbiResourceId}",
        },
    ),
    ResourceType(
        "aws:rds/proxy:Proxy",
        "rds.create_db_proxy",
        {"name": "DBProxyName"},
        id="{DBProxyName}",
        outputs={"arn": "{DBProxyArn}"},
    ),
    ResourceType(
        "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup",
        "rds.modify_db_proxy_target_group",
        id="{DBProxyName}",
        # A proxy is made with its one group, which is only changed.
        prepare=_default_group,
        outputs={"arn": FromResponse("DBProxyTargetGroup.TargetGroupArn"), "name": "default"},
    ),
    ResourceType(
        "aws:rds/proxyTarget:ProxyTarget",
        "rds.register_db_proxy_targets",
        id=_target_id,
        outputs={"type": FromResponse("DBProxyTargets[0].Type"), "port": 5432},
    ),
)
