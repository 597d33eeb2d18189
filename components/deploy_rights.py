"""What a deployment of the platform may do, as data: policies that fit AWS's limits, narrowed as far as names, tags and regions go.

Placeholders: `{named}` is every physical name of the project in the environment, `{any}` every name of the project, `{region}` the
stack's own region and `{edge}` the one of CloudFront's parts, `{account}`, `{project}` and `{environment}` themselves. Where AWS
chooses the names (VPCs, keys, pools, distributions) two denials keep the deployment off what carries other tags.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from components.choices import EDGE_REGION
from components.deploy_service_rights import COMPUTE, DATA, EDGE, USERS, WATCH, Right
from components.naming import Naming
from components.policies import POLICY_VERSION

# Below this path no right reaches: a deployment that could change its own roles could give itself any right.
PATH = "/deployment/"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where the rights hold."""

    naming: Naming
    region: str
    account_id: str

    def fill(self, value: Any) -> Any:
        """A value with its placeholders filled, also nested."""
        if isinstance(value, str):
            naming = self.naming
            return value.format(
                named=naming.physical("*"),
                any=f"{naming.project}-*",
                project=naming.project,
                environment=naming.environment,
                environment_tag=naming.environment_tag,
                region=self.region,
                edge=EDGE_REGION,
                account=self.account_id,
            )
        if isinstance(value, Mapping):
            return {key: self.fill(item) for key, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, (list, tuple)) else value


def _other(tag: str, own: str) -> dict[str, dict[str, str]]:
    """Holds for what carries the tag with another value. What has no tag at all, as a VPC's default group, stays in reach."""
    return {"StringNotEquals": {f"aws:ResourceTag/{tag}": own}, "Null": {f"aws:ResourceTag/{tag}": "false"}}


# Which services may be handed a role, and which may make their own.
PASSED_TO = (
    "lambda", "ecs-tasks", "ecs", "scheduler", "backup", "vpc-flow-logs", "rds", "monitoring.rds",
    "malware-protection-plan.guardduty",
)  # fmt: skip
LINKED = (
    "rds", "ecs", "ecs.application-autoscaling", "elasticloadbalancing", "opensearchservice", "backup", "elasticache",
    "malware-protection-plan.guardduty", "wafv2", "ops.apigateway",
)  # fmt: skip
# Policies of AWS's own that components attach. Any other, above all an administrator's, is refused.
ATTACHABLE = (
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor*",
    "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3*",
    "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
)
# Services whose calls go to one region wherever the platform stands.
GLOBAL = (
    "iam:*", "sts:*", "cloudfront:*", "route53:*", "budgets:*", "ce:*",
)  # fmt: skip
# Services that choose the names of what they make.
UNNAMED = (
    "ec2:*", "kms:*", "cognito-idp:*", "apigateway:*", "cloudfront:*", "acm:*", "wafv2:*", "backup:*", "guardduty:*",
    "rds:*", "es:*", "elasticloadbalancing:*", "elasticache:*",
)  # fmt: skip

ROLES = (
    Right(
        sid="Roles",
        actions="iam:DeleteRole iam:GetRole iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy iam:TagRole"
        " iam:UntagRole iam:ListRoleTags iam:ListRolePolicies iam:ListAttachedRolePolicies iam:GetRolePolicy"
        " iam:PutRolePolicy iam:DeleteRolePolicy iam:ListInstanceProfilesForRole",
        resources="arn:aws:iam::{account}:role/{named}",
    ),
    Right(
        sid="ManagedPolicies",
        actions="iam:AttachRolePolicy iam:DetachRolePolicy",
        resources="arn:aws:iam::{account}:role/{named}",
        condition={"ArnLike": {"iam:PolicyARN": ATTACHABLE}},
    ),
    Right(
        sid="PassRoles",
        actions="iam:PassRole",
        resources="arn:aws:iam::{account}:role/{named}",
        condition={"StringEquals": {"iam:PassedToService": [f"{service}.amazonaws.com" for service in PASSED_TO]}},
    ),
    Right(
        sid="ServiceRoles",
        actions="iam:CreateServiceLinkedRole",
        resources="arn:aws:iam::{account}:role/aws-service-role/*",
        condition={"StringEquals": {"iam:AWSServiceName": [f"{service}.amazonaws.com" for service in LINKED]}},
    ),
    Right(
        sid="KeepOwnRights",
        effect="Deny",
        actions="iam:*",
        resources=f"arn:aws:iam::{{account}}:role{PATH}* arn:aws:iam::{{account}}:policy{PATH}*"
        " arn:aws:iam::{account}:oidc-provider/*",
    ),
    Right(
        sid="StayInRegion",
        effect="Deny",
        actions="!" + " ".join(GLOBAL),
        resources="*",
        condition={"StringNotEquals": {"aws:RequestedRegion": ["{region}", "{edge}"]}},
    ),
    Right(
        sid="KeepOffOtherEnvironments",
        effect="Deny",
        actions=" ".join(UNNAMED),
        resources="*",
        condition=_other("Environment", "{environment_tag}"),
    ),
    Right(
        sid="KeepOffOtherProjects",
        effect="Deny",
        actions=" ".join(UNNAMED),
        resources="*",
        condition=_other("Project", "{project}"),
    ),
)
# Roles may be made. It is in the policy of the state, where there is room for it.
NEW_ROLES = Right(sid="NewRoles", actions="iam:CreateRole", resources="arn:aws:iam::{account}:role/{named}")

NETWORK = (
    Right(
        sid="Network",
        actions="ec2:CreateVpc ec2:DeleteVpc ec2:ModifyVpcAttribute ec2:CreateSubnet ec2:DeleteSubnet ec2:ModifySubnetAttribute"
        " ec2:CreateInternetGateway ec2:DeleteInternetGateway ec2:AttachInternetGateway ec2:DetachInternetGateway"
        " ec2:CreateNatGateway ec2:DeleteNatGateway ec2:AllocateAddress ec2:ReleaseAddress ec2:DisassociateAddress"
        " ec2:CreateRouteTable ec2:DeleteRouteTable ec2:AssociateRouteTable ec2:DisassociateRouteTable"
        " ec2:ReplaceRouteTableAssociation ec2:CreateRoute ec2:ReplaceRoute ec2:DeleteRoute ec2:CreateVpcEndpoint"
        " ec2:ModifyVpcEndpoint ec2:DeleteVpcEndpoints ec2:CreateFlowLogs ec2:DeleteFlowLogs ec2:CreateSecurityGroup"
        " ec2:DeleteSecurityGroup ec2:AuthorizeSecurityGroupIngress ec2:AuthorizeSecurityGroupEgress"
        " ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress ec2:ModifySecurityGroupRules"
        " ec2:UpdateSecurityGroupRuleDescriptionsIngress ec2:UpdateSecurityGroupRuleDescriptionsEgress"
        " ec2:CreateTags ec2:DeleteTags",
        resources="arn:aws:ec2:{region}:{account}:*",
    ),
    Right(
        sid="Balancers",
        actions="elasticloadbalancing:Create* elasticloadbalancing:Modify* elasticloadbalancing:Delete*"
        " elasticloadbalancing:Set* elasticloadbalancing:AddTags elasticloadbalancing:RemoveTags"
        " elasticloadbalancing:AddListenerCertificates elasticloadbalancing:RemoveListenerCertificates",
        resources="arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{any}"
        " arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{any}"
        " arn:aws:elasticloadbalancing:{region}:{account}:listener/app/{any}"
        " arn:aws:elasticloadbalancing:{region}:{account}:listener-rule/app/{any}",
    ),
)

# Descriptions and lists alone: no object, secret, parameter, message or log line, and no function's code.
READ = (
    Right(
        sid="ReadDescriptions",
        actions="acm:DescribeCertificate acm:List* apigateway:GET application-autoscaling:Describe*"
        " application-autoscaling:ListTagsForResource backup:DescribeBackupVault backup:GetBackup* backup:ListTags"
        " backup:ListBackup* budgets:ViewBudget ce:GetAnomalyMonitors ce:GetAnomalySubscriptions ce:ListTagsForResource"
        " cloudfront:Describe* cloudfront:Get* cloudfront:List* cloudwatch:Describe* cloudwatch:GetDashboard"
        " cloudwatch:ListTagsForResource cognito-idp:Describe* cognito-idp:GetGroup cognito-idp:GetUserPoolMfaConfig"
        " cognito-idp:ListTagsForResource ec2:Describe* ec2:GetManagedPrefixListEntries"
        " ec2:GetSecurityGroupsForVpc ecr:DescribeRepositories ecr:GetAuthorizationToken ecr:GetLifecyclePolicy"
        " ecr:GetRepositoryPolicy ecr:ListTagsForResource ecs:Describe* ecs:List* elasticache:Describe*"
        " elasticache:ListTagsForResource elasticloadbalancing:Describe* es:Describe* es:ListTags es:GetCompatibleVersions"
        " guardduty:GetMalwareProtectionPlan guardduty:ListTagsForResource iam:GetOpenIDConnectProvider iam:GetPolicy"
        " iam:GetPolicyVersion iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies"
        " iam:ListInstanceProfilesForRole iam:ListPolicyVersions iam:ListRolePolicies iam:ListRoleTags kms:DescribeKey"
        " kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListAliases kms:ListResourceTags lambda:GetAlias"
        " lambda:GetEventSourceMapping lambda:GetFunctionCodeSigningConfig lambda:GetFunctionConcurrency"
        " lambda:GetFunctionConfiguration lambda:GetPolicy lambda:GetProvisionedConcurrencyConfig"
        " lambda:ListEventSourceMappings lambda:ListTags lambda:ListVersionsByFunction logs:DescribeDeliver*"
        " logs:DescribeLogGroups logs:DescribeResourcePolicies logs:GetDelivery* logs:ListLogDeliveries"
        " logs:ListTagsForResource rds:Describe* rds:ListTagsForResource route53:GetChange route53:GetHostedZone"
        " route53:List* s3:GetBucket* s3:Get*Configuration s3:ListAllMyBuckets s3:ListTagsForResource"
        " scheduler:Get* scheduler:List* secretsmanager:DescribeSecret secretsmanager:GetResourcePolicy"
        " secretsmanager:ListSecretVersionIds sns:GetSubscriptionAttributes sns:GetTopicAttributes"
        " sns:ListSubscriptionsByTopic sns:ListTagsForResource sqs:GetQueueAttributes sqs:GetQueueUrl"
        " sqs:ListQueueTags ssm:DescribeParameters ssm:ListTagsForResource sts:GetCallerIdentity tag:GetResources"
        " wafv2:GetLoggingConfiguration wafv2:GetWebACL wafv2:GetWebACLForResource wafv2:List*",
        resources="*",
    ),
)

# The policies of the deployment, by the last part of their names.
DEPLOYMENT: Mapping[str, tuple[Right, ...]] = MappingProxyType(
    {
        "roles": ROLES,
        "network": NETWORK,
        "data": DATA,
        "compute": COMPUTE,
        "users": USERS,
        "watch": WATCH,
        "edge": EDGE,
        "read": READ,
    }
)


def document(scope: Scope, *rights: Right) -> str:
    """The policy of these rights, as compact JSON: AWS counts every character but white space."""
    statements = []
    for right in rights:
        key, actions = ("NotAction", right.actions[1:]) if right.actions.startswith("!") else ("Action", right.actions)
        statement = {"Sid": right.sid, "Effect": right.effect, key: actions.split()}
        statement["Resource"] = scope.fill(right.resources).split()
        if right.condition:
            statement["Condition"] = scope.fill(right.condition)
        statements.append(statement)
    return json.dumps({"Version": POLICY_VERSION, "Statement": statements}, separators=(",", ":"))


def state(bucket_arn: str, key_arn: str | None, *, writes: bool) -> list[Right]:
    """Reads the state of this one stack, and writes it; the state of other stacks in the bucket is out of reach."""
    files = ("stacks/{project}/{environment}.json*", "history/{project}/{environment}/*", "backups/{project}/{environment}/*",
             "locks/organization/{project}/{environment}/*")  # fmt: skip
    own = " ".join(f"{bucket_arn}/.pulumi/{name}" for name in files)
    rights = [
        Right(sid="FindState", actions="s3:ListBucket s3:GetBucketLocation", resources=bucket_arn),
        Right(sid="ReadState", actions="s3:GetObject", resources=f"{own} {bucket_arn}/.pulumi/meta.yaml"),
    ]
    if writes:
        rights.append(Right(sid="WriteState", actions="s3:PutObject s3:DeleteObject", resources=own))
    if key_arn is not None:
        actions = "kms:Decrypt kms:Encrypt kms:GenerateDataKey" if writes else "kms:Decrypt"
        rights.append(Right(sid="UseStateKey", actions=actions, resources=key_arn))
    return rights
