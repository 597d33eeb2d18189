"""RDS: database instances and proxies. The runner starts the server of both and sets their addresses and secrets."""

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, FromResponse, Inputs, Naming, ResourceType


def _set_apply_method(inputs: Inputs) -> Inputs:
    """Set each parameter's default apply method, which RDS requires: Pulumi's provider sends `immediate`."""
    if not inputs.get("parameters"):
        return inputs
    return {**inputs, "parameters": [{"applyMethod": "immediate", **parameter} for parameter in inputs["parameters"]]}


def _name_default_group(inputs: Inputs) -> Inputs:
    return {**inputs, "targetGroupName": "default"}


def _target_id(inputs: Inputs, _: KnownValues) -> str:
    """Return the id in the format of Pulumi's provider: RDS has no ids for targets."""
    target = inputs.get("dbInstanceIdentifier")
    target_type = "RDS_INSTANCE" if target else "TRACKED_CLUSTER"
    return (
        f"{inputs['dbProxyName']}/{inputs['targetGroupName']}/{target_type}/{target or inputs['dbClusterIdentifier']}"
    )


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
        prepare=_set_apply_method,
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
        # RDS creates the default group with the proxy, so this resource modifies it.
        prepare=_name_default_group,
        outputs={"arn": FromResponse("DBProxyTargetGroup.TargetGroupArn"), "name": "default"},
    ),
    ResourceType(
        "aws:rds/proxyTarget:ProxyTarget",
        "rds.register_db_proxy_targets",
        id=_target_id,
        outputs={"type": FromResponse("DBProxyTargets[0].Type"), "port": 5432},
    ),
)
