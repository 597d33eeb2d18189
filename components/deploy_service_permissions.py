"""The permissions of a deployment for each service, as data. `deploy_permissions` explains the placeholders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StatementTemplate:
    """A policy statement with placeholders. Actions and resources are separated by spaces."""

    sid: str
    actions: str
    resources: str
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    effect: str = "Allow"


def tag_condition(kind: str) -> dict[str, dict[str, str]]:
    """Return a condition on the project's and environment's tags, of the request (`Request`) or the resource (`Resource`)."""
    return {"StringEquals": {f"aws:{kind}Tag/Project": "{project}", f"aws:{kind}Tag/Environment": "{environment_tag}"}}


DATA = (
    StatementTemplate(
        sid="Buckets",
        actions="s3:CreateBucket s3:DeleteBucket s3:DeleteBucketPolicy s3:GetBucket* s3:Get*Configuration s3:ListBucket"
        " s3:ListBucketVersions s3:PutBucket* s3:Put*Configuration s3:ListTagsForResource s3:TagResource s3:UntagResource",
        resources="arn:aws:s3:::{named} arn:aws:s3:::{named}-*",
    ),
    StatementTemplate(
        sid="Databases",
        actions="rds:Create* rds:Modify* rds:Delete* rds:Reboot* rds:Start* rds:Stop* rds:Reset* rds:Restore*"
        " rds:AddTagsToResource rds:RemoveTagsFromResource rds:ListTagsForResource rds:RegisterDBProxyTargets"
        " rds:DeregisterDBProxyTargets",
        resources="arn:aws:rds:{region}:{account}:*:{named} arn:aws:rds:{region}:{account}:*:{named}-*"
        " arn:aws:rds:{region}:{account}:db-proxy:* arn:aws:rds:{region}:{account}:target-group:*"
        " arn:aws:rds:{region}:{account}:og:default*",
    ),
    StatementTemplate(
        sid="Secrets",
        actions="secretsmanager:CreateSecret secretsmanager:DeleteSecret secretsmanager:RestoreSecret"
        " secretsmanager:DescribeSecret secretsmanager:GetSecretValue secretsmanager:PutSecretValue"
        " secretsmanager:UpdateSecret secretsmanager:GetResourcePolicy secretsmanager:PutResourcePolicy"
        " secretsmanager:DeleteResourcePolicy secretsmanager:TagResource secretsmanager:UntagResource"
        " secretsmanager:ListSecretVersionIds secretsmanager:UpdateSecretVersionStage",
        resources="arn:aws:secretsmanager:{region}:{account}:secret:{project}/*-{environment}-??????",
    ),
    StatementTemplate(
        sid="MasterSecrets",
        actions="secretsmanager:CreateSecret secretsmanager:TagResource secretsmanager:DescribeSecret"
        " secretsmanager:RotateSecret secretsmanager:CancelRotateSecret",
        resources="arn:aws:secretsmanager:{region}:{account}:secret:rds!db-*",
    ),
    StatementTemplate(
        sid="Parameters",
        actions="ssm:PutParameter ssm:DeleteParameter ssm:GetParameter ssm:GetParameters ssm:AddTagsToResource"
        " ssm:RemoveTagsFromResource ssm:ListTagsForResource",
        resources="arn:aws:ssm:{region}:{account}:parameter/{project}/{environment}/*",
    ),
    StatementTemplate(
        sid="NewKeys",
        actions="kms:CreateKey",
        resources="*",
        condition=tag_condition("Request"),
    ),
    StatementTemplate(
        sid="Keys",
        actions="kms:DescribeKey kms:GetKeyPolicy kms:PutKeyPolicy kms:GetKeyRotationStatus kms:EnableKeyRotation"
        " kms:ListResourceTags kms:TagResource kms:UntagResource kms:UpdateKeyDescription kms:ScheduleKeyDeletion"
        " kms:CancelKeyDeletion kms:CreateAlias kms:DeleteAlias kms:UpdateAlias",
        resources="arn:aws:kms:*:{account}:key/*",
        condition=tag_condition("Resource"),
    ),
    StatementTemplate(
        sid="KeyUses",
        actions="kms:CreateGrant kms:GenerateDataKey kms:Decrypt",
        resources="arn:aws:kms:*:{account}:key/*",
        condition={**tag_condition("Resource"), "StringLike": {"kms:ViaService": "*.amazonaws.com"}},
    ),
    StatementTemplate(
        sid="KeyNames",
        actions="kms:CreateAlias kms:DeleteAlias kms:UpdateAlias",
        resources="arn:aws:kms:*:{account}:alias/{named}",
    ),
    StatementTemplate(
        sid="Search",
        actions="es:CreateDomain es:DeleteDomain es:UpdateDomainConfig es:UpgradeDomain es:AddTags es:RemoveTags es:ListTags",
        resources="arn:aws:es:{region}:{account}:domain/*-{environment}",
    ),
    StatementTemplate(
        sid="Cache",
        actions="elasticache:Create* elasticache:Modify* elasticache:Delete* elasticache:AddTagsToResource"
        " elasticache:RemoveTagsFromResource elasticache:ListTagsForResource",
        resources="arn:aws:elasticache:{region}:{account}:*:{any}"
        " arn:aws:elasticache:{region}:{account}:parametergroup:default*",
    ),
    StatementTemplate(
        sid="Backups",
        actions="backup:CreateBackupVault backup:DeleteBackupVault backup:PutBackupVaultLockConfiguration"
        " backup:DeleteBackupVaultLockConfiguration backup:ListRecoveryPointsByBackupVault backup:ListTags"
        " backup:TagResource backup:UntagResource backup:CreateBackupPlan backup:UpdateBackupPlan backup:DeleteBackupPlan"
        " backup:CreateBackupSelection backup:DeleteBackupSelection",
        resources="arn:aws:backup:{region}:{account}:backup-vault:{named} arn:aws:backup:{region}:{account}:backup-plan:*",
    ),
    StatementTemplate(sid="VaultStorage", actions="backup-storage:MountCapsule", resources="*"),
)

COMPUTE = (
    StatementTemplate(
        sid="Functions",
        actions="lambda:*",
        resources="arn:aws:lambda:{region}:{account}:function:{named} arn:aws:lambda:{region}:{account}:function:{named}:*",
    ),
    # AWS allows no narrower resource for the first, but a condition on the function.
    StatementTemplate(
        sid="EventSources",
        actions="lambda:CreateEventSourceMapping lambda:UpdateEventSourceMapping lambda:DeleteEventSourceMapping",
        resources="*",
        condition={"ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:{region}:{account}:function:{named}"}},
    ),
    StatementTemplate(
        sid="EventSourceTags",
        actions="lambda:TagResource lambda:UntagResource",
        resources="arn:aws:lambda:{region}:{account}:event-source-mapping:*",
    ),
    StatementTemplate(
        sid="Clusters",
        actions="ecs:CreateCluster ecs:DeleteCluster ecs:UpdateCluster ecs:UpdateClusterSettings"
        " ecs:PutClusterCapacityProviders ecs:CreateService ecs:UpdateService ecs:DeleteService"
        " ecs:RegisterTaskDefinition ecs:TagResource ecs:UntagResource ecs:ListTagsForResource"
        " ecs:DescribeServiceDeployments ecs:StopServiceDeployment",
        resources="arn:aws:ecs:{region}:{account}:cluster/{named} arn:aws:ecs:{region}:{account}:service/{named}/*"
        " arn:aws:ecs:{region}:{account}:task-definition/{named}:* arn:aws:ecs:{region}:{account}:service-deployment/{named}/*",
    ),
    StatementTemplate(sid="OldTaskDefinitions", actions="ecs:DeregisterTaskDefinition", resources="*"),
    StatementTemplate(
        sid="Scaling",
        actions="application-autoscaling:RegisterScalableTarget application-autoscaling:DeregisterScalableTarget"
        " application-autoscaling:PutScalingPolicy application-autoscaling:DeleteScalingPolicy"
        " application-autoscaling:TagResource application-autoscaling:UntagResource"
        " application-autoscaling:ListTagsForResource",
        resources="arn:aws:application-autoscaling:{region}:{account}:scalable-target/*",
        condition={"StringEqualsIfExists": {"application-autoscaling:service-namespace": "ecs"}},
    ),
    StatementTemplate(
        sid="Images",
        actions="ecr:CreateRepository ecr:DeleteRepository ecr:PutLifecyclePolicy ecr:GetLifecyclePolicy"
        " ecr:DeleteLifecyclePolicy ecr:SetRepositoryPolicy ecr:GetRepositoryPolicy ecr:DeleteRepositoryPolicy"
        " ecr:PutImageTagMutability ecr:PutImageScanningConfiguration ecr:TagResource ecr:UntagResource"
        " ecr:ListTagsForResource ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:InitiateLayerUpload"
        " ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage",
        resources="arn:aws:ecr:{region}:{account}:repository/{any}",
    ),
    StatementTemplate(
        sid="Logs",
        actions="logs:CreateLogGroup logs:DeleteLogGroup logs:PutRetentionPolicy logs:DeleteRetentionPolicy"
        " logs:TagResource logs:UntagResource logs:ListTagsForResource logs:AssociateKmsKey logs:DisassociateKmsKey",
        resources="arn:aws:logs:*:{account}:log-group:*{named}*"
        " arn:aws:logs:{region}:{account}:log-group:/aws/OpenSearchService/domains/*-{environment}/*",
    ),
    StatementTemplate(
        sid="LogDeliveries",
        actions="logs:PutDeliverySource logs:GetDeliverySource logs:DeleteDeliverySource logs:PutDeliveryDestination"
        " logs:GetDeliveryDestination logs:DeleteDeliveryDestination logs:CreateDelivery logs:GetDelivery"
        " logs:DeleteDelivery logs:TagResource logs:UntagResource",
        resources="arn:aws:logs:*:{account}:delivery-source:{named} arn:aws:logs:*:{account}:delivery-destination:{named}"
        " arn:aws:logs:*:{account}:delivery:*",
    ),
    # Legacy log delivery, which services set up on behalf of the caller, allows no narrower resource.
    StatementTemplate(
        sid="OlderLogDeliveries",
        actions="logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery"
        " logs:PutResourcePolicy logs:DeleteResourcePolicy",
        resources="*",
    ),
    StatementTemplate(
        sid="Queues",
        actions="sqs:CreateQueue sqs:DeleteQueue sqs:GetQueueAttributes sqs:SetQueueAttributes sqs:GetQueueUrl"
        " sqs:ListQueueTags sqs:TagQueue sqs:UntagQueue",
        resources="arn:aws:sqs:{region}:{account}:{named}",
    ),
    StatementTemplate(
        sid="Schedules",
        actions="scheduler:*",
        resources="arn:aws:scheduler:{region}:{account}:schedule/{named}/*"
        " arn:aws:scheduler:{region}:{account}:schedule-group/{named}",
    ),
    StatementTemplate(
        sid="Apis",
        actions="apigateway:GET apigateway:POST apigateway:PUT apigateway:PATCH apigateway:DELETE",
        resources="arn:aws:apigateway:{region}::/apis arn:aws:apigateway:{region}::/apis/*"
        " arn:aws:apigateway:{region}::/tags/* arn:aws:apigateway:{region}::/domainnames"
        " arn:aws:apigateway:{region}::/domainnames/*",
    ),
)

USERS = (
    StatementTemplate(
        sid="Users",
        actions="cognito-idp:DescribeUserPool cognito-idp:UpdateUserPool cognito-idp:DeleteUserPool cognito-idp:*UserPoolClient"
        " cognito-idp:*UserPoolDomain cognito-idp:*ResourceServer cognito-idp:*Group cognito-idp:*UserPoolMfaConfig"
        " cognito-idp:*RiskConfiguration cognito-idp:TagResource cognito-idp:UntagResource cognito-idp:ListTagsForResource"
        " cognito-idp:AdminCreateUser cognito-idp:AdminGetUser cognito-idp:AdminUpdateUserAttributes"
        " cognito-idp:AdminDeleteUser cognito-idp:AdminEnableUser cognito-idp:AdminDisableUser"
        " cognito-idp:AdminListGroupsForUser",
        resources="arn:aws:cognito-idp:{region}:{account}:userpool/*",
    ),
    StatementTemplate(sid="UserDomains", actions="cognito-idp:DescribeUserPoolDomain", resources="*"),
    StatementTemplate(
        sid="NewUsers", actions="cognito-idp:CreateUserPool", resources="*", condition=tag_condition("Request")
    ),
)

WATCH = (
    StatementTemplate(
        sid="Alarms",
        actions="cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:EnableAlarmActions cloudwatch:TagResource"
        " cloudwatch:UntagResource cloudwatch:ListTagsForResource",
        resources="arn:aws:cloudwatch:{region}:{account}:alarm:{named} arn:aws:cloudwatch:{edge}:{account}:alarm:{named}",
    ),
    StatementTemplate(
        sid="Dashboard",
        actions="cloudwatch:PutDashboard cloudwatch:GetDashboard cloudwatch:DeleteDashboards",
        resources="arn:aws:cloudwatch::{account}:dashboard/{project}-{environment}",
    ),
    StatementTemplate(
        sid="Topics",
        actions="sns:CreateTopic sns:DeleteTopic sns:GetTopicAttributes sns:SetTopicAttributes sns:Subscribe"
        " sns:ListSubscriptionsByTopic sns:TagResource sns:UntagResource sns:ListTagsForResource",
        resources="arn:aws:sns:{region}:{account}:{named} arn:aws:sns:{edge}:{account}:{named}",
    ),
    StatementTemplate(
        sid="Subscriptions",
        actions="sns:Unsubscribe sns:GetSubscriptionAttributes sns:SetSubscriptionAttributes",
        resources="*",
    ),
    StatementTemplate(
        sid="Budget",
        actions="budgets:ModifyBudget budgets:ViewBudget budgets:TagResource budgets:UntagResource"
        " budgets:ListTagsForResource",
        resources="arn:aws:budgets::{account}:budget/{named}",
    ),
    StatementTemplate(
        sid="CostAnomalies",
        actions="ce:UpdateAnomalyMonitor ce:DeleteAnomalyMonitor ce:GetAnomalyMonitors ce:UpdateAnomalySubscription"
        " ce:DeleteAnomalySubscription ce:GetAnomalySubscriptions ce:TagResource ce:UntagResource ce:ListTagsForResource",
        resources="arn:aws:ce::{account}:anomalymonitor/* arn:aws:ce::{account}:anomalysubscription/*",
    ),
    StatementTemplate(
        sid="NewCostAnomalies",
        actions="ce:CreateAnomalyMonitor ce:CreateAnomalySubscription",
        resources="*",
        condition=tag_condition("Request"),
    ),
    StatementTemplate(
        sid="Scans",
        actions="guardduty:GetMalwareProtectionPlan guardduty:UpdateMalwareProtectionPlan"
        " guardduty:DeleteMalwareProtectionPlan guardduty:TagResource guardduty:UntagResource guardduty:ListTagsForResource",
        resources="arn:aws:guardduty:{region}:{account}:malware-protection-plan/*",
    ),
    StatementTemplate(
        sid="NewScans",
        actions="guardduty:CreateMalwareProtectionPlan",
        resources="*",
        condition=tag_condition("Request"),
    ),
)

EDGE = (
    StatementTemplate(
        sid="Distributions",
        actions="cloudfront:Create* cloudfront:Get* cloudfront:List* cloudfront:Update* cloudfront:Delete*"
        " cloudfront:DescribeFunction cloudfront:PublishFunction cloudfront:TagResource cloudfront:UntagResource"
        " cloudfront:AllowVendedLogDeliveryForResource",
        resources="arn:aws:cloudfront::{account}:*",
    ),
    # AWS allows no narrower resource for these.
    StatementTemplate(
        sid="OriginsAndSigners",
        actions="cloudfront:CreateOriginAccessControl cloudfront:*KeyGroup cloudfront:*PublicKey",
        resources="*",
    ),
    StatementTemplate(
        sid="Firewalls",
        actions="wafv2:CreateWebACL wafv2:GetWebACL wafv2:UpdateWebACL wafv2:DeleteWebACL wafv2:PutLoggingConfiguration"
        " wafv2:GetLoggingConfiguration wafv2:DeleteLoggingConfiguration wafv2:AssociateWebACL wafv2:DisassociateWebACL"
        " wafv2:GetWebACLForResource wafv2:TagResource wafv2:UntagResource wafv2:ListTagsForResource",
        resources="arn:aws:wafv2:{region}:{account}:regional/webacl/{named}/*"
        " arn:aws:wafv2:{edge}:{account}:global/webacl/{named}/* arn:aws:wafv2:*:{account}:*/managedruleset/*/*"
        " arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{any}",
    ),
    StatementTemplate(
        sid="NewCertificates", actions="acm:RequestCertificate", resources="*", condition=tag_condition("Request")
    ),
    StatementTemplate(
        sid="Certificates",
        actions="acm:DescribeCertificate acm:GetCertificate acm:DeleteCertificate acm:UpdateCertificateOptions"
        " acm:AddTagsToCertificate acm:RemoveTagsFromCertificate acm:ListTagsForCertificate",
        resources="arn:aws:acm:*:{account}:certificate/*",
    ),
    StatementTemplate(
        sid="Names",
        actions="route53:ChangeResourceRecordSets route53:ListResourceRecordSets route53:GetHostedZone route53:GetChange"
        " route53:ListTagsForResource route53:ChangeTagsForResource route53:UpdateHostedZoneComment"
        " route53:DeleteHostedZone",
        resources="arn:aws:route53:::hostedzone/* arn:aws:route53:::change/*",
    ),
    StatementTemplate(sid="NewNames", actions="route53:CreateHostedZone", resources="*"),
)
