"""ElastiCache: replication groups and subnet groups. The runner starts the server of a group and sets its endpoint."""

from local.provider.resource_types.table import FromResponse, Naming, ResourceType

TYPES = (
    ResourceType(
        "aws:elasticache/subnetGroup:SubnetGroup",
        "elasticache.create_cache_subnet_group",
        {"name": "CacheSubnetGroupName", "description": "CacheSubnetGroupDescription"},
        id="{CacheSubnetGroupName}",
        naming=Naming(lowercase=True),
        defaults={"description": "Managed by Pulumi"},
    ),
    ResourceType(
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "elasticache.create_replication_group",
        {
            "description": "ReplicationGroupDescription",
            "nodeType": "CacheNodeType",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "parameterGroupName": "CacheParameterGroupName",
            "subnetGroupName": "CacheSubnetGroupName",
            "securityGroupNames": "CacheSecurityGroupNames",
        },
        id="{ReplicationGroupId}",
        naming=Naming(input_name="replicationGroupId", lowercase=True),
        ignore=("applyImmediately", "authTokenUpdateStrategy", "finalSnapshotIdentifier"),
        unsupported=(
            "authTokenWo",
            "authTokenWoVersion",
            "logDeliveryConfigurations",
            "nodeGroupConfigurations",
        ),
        outputs={
            "engineVersionActual": "{EngineVersion}",
            "memberClusters": FromResponse("ReplicationGroup.MemberClusters"),
            "primaryEndpointAddress": FromResponse("ReplicationGroup.NodeGroups[0].PrimaryEndpoint.Address"),
            "readerEndpointAddress": FromResponse("ReplicationGroup.NodeGroups[0].ReaderEndpoint.Address"),
        },
    ),
)
