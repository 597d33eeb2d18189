"""The permissions of a deployment as data: policies within the limits of AWS, narrowed by names, tags and regions.

Placeholders: `{named}` matches the project's physical names in the environment, `{any}` all names of the project; `{region}` is
the stack's own region and `{edge}` that of CloudFront's resources; `{account}`, `{project}` and `{environment}` are themselves.
Where AWS generates the names (VPCs, keys, pools, distributions), two statements deny access to resources with other tags.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from components.choices import EDGE_REGION
from components.deploy_service_permissions import COMPUTE, DATA, EDGE, USERS, WATCH, StatementTemplate
from components.naming import Naming
from components.policies import POLICY_VERSION

# No permission covers this path: a deployment that could change its own roles could give itself any permission.
PATH = "/deployment/"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The account, region and environment that the permissions cover."""

    naming: Naming
    region: str
    account_id: str

    def fill_placeholders(self, value: Any) -> Any:
        """Return a value with its placeholders filled in, also nested."""
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
            return {key: self.fill_placeholders(item) for key, item in value.items()}
        return [self.fill_placeholders(item) for item in value] if isinstance(value, (list, tuple)) else value


def _other_tag_value(tag: str, own: str) -> dict[str, dict[str, str]]:
    """Return a condition for resources whose tag has another value. Untagged ones, such as a VPC's default group, do not match."""
    return {"StringNotEquals": {f"aws:ResourceTag/{tag}": own}, "Null": {f"aws:ResourceTag/{tag}": "false"}}


# The services that roles may be passed to, and those that may have service-linked roles.
PASS_ROLE_SERVICES = (
    "lambda", "ecs-tasks", "ecs", "scheduler", "backup", "vpc-flow-logs", "rds", "monitoring.rds",
    "malware-protection-plan.guardduty",
)  # fmt: skip
SERVICE_LINKED_ROLES = (
    "rds", "ecs", "ecs.application-autoscaling", "elasticloadbalancing", "opensearchservice", "backup", "elasticache",
    "malware-protection-plan.guardduty", "wafv2", "ops.apigateway",
)  # fmt: skip
# The AWS managed policies that components attach. Others, above all an administrator's, cannot be attached.
ATTACHABLE_POLICIES = (
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor*",
    "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3*",
    "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
)
# Services whose requests go to one region wherever the platform is.
GLOBAL_ACTIONS = (
    "iam:*", "sts:*", "cloudfront:*", "route53:*", "budgets:*", "ce:*",
)  # fmt: skip
# Services that generate the names of their resources.
UNNAMED_RESOURCE_ACTIONS = (
    "ec2:*", "kms:*", "cognito-idp:*", "apigateway:*", "cloudfront:*", "acm:*", "wafv2:*", "backup:*", "guardduty:*",
    "rds:*", "es:*", "elasticloadbalancing:*", "elasticache:*",
)  # fmt: skip

ROLES = (
    StatementTemplate(
        sid="Roles",
        actions="iam:DeleteRole iam:GetRole iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy iam:TagRole"
        " iam:UntagRole iam:ListRoleTags iam:ListRolePolicies iam:ListAttachedRolePolicies iam:GetRolePolicy"
        " iam:PutRolePolicy iam:DeleteRolePolicy iam:ListInstanceProfilesForRole",
        resources="arn:aws:iam::{account}:role/{named}",
    ),
    StatementTemplate(
        sid="ManagedPolicies",
        actions="iam:AttachRolePolicy iam:DetachRolePolicy",
        resources="arn:aws:iam::{account}:role/{named}",
        condition={"ArnLike": {"iam:PolicyARN": ATTACHABLE_POLICIES}},
    ),
    StatementTemplate(
        sid="PassRoles",
        actions="iam:PassRole",
        resources="arn:aws:iam::{account}:role/{named}",
        condition={
            "StringEquals": {"iam:PassedToService": [f"{service}.amazonaws.com" for service in PASS_ROLE_SERVICES]}
        },
    ),
    StatementTemplate(
        sid="ServiceRoles",
        actions="iam:CreateServiceLinkedRole",
        resources="arn:aws:iam::{account}:role/aws-service-role/*",
        condition={
            "StringEquals": {"iam:AWSServiceName": [f"{service}.amazonaws.com" for service in SERVICE_LINKED_ROLES]}
        },
    ),
    StatementTemplate(
        sid="KeepOwnRights",
        effect="Deny",
        actions="iam:*",
        resources=f"arn:aws:iam::{{account}}:role{PATH}* arn:aws:iam::{{account}}:policy{PATH}*"
        " arn:aws:iam::{account}:oidc-provider/*",
    ),
    StatementTemplate(
        sid="StayInRegion",
        effect="Deny",
        actions="!" + " ".join(GLOBAL_ACTIONS),
        resources="*",
        condition={"StringNotEquals": {"aws:RequestedRegion": ["{region}", "{edge}"]}},
    ),
    StatementTemplate(
        sid="KeepOffOtherEnvironments",
        effect="Deny",
        actions=" ".join(UNNAMED_RESOURCE_ACTIONS),
        resources="*",
        condition=_other_tag_value("Environment", "{environment_tag}"),
    ),
    StatementTemplate(
        sid="KeepOffOtherProjects",
        effect="Deny",
        actions=" ".join(UNNAMED_RESOURCE_ACTIONS),
        resources="*",
        condition=_other_tag_value("Project", "{project}"),
    ),
)
# It is in the policy of the state, which has room for it.
NEW_ROLES = StatementTemplate(sid="NewRoles", actions="iam:CreateRole", resources="arn:aws:iam::{account}:role/{named}")

NETWORK = (
    StatementTemplate(
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
    StatementTemplate(
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

# Descriptions and lists only: no object, secret, parameter, message or log line, and no code of a function.
READ = (
    StatementTemplate(
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

# The policies of a deployment, by the last part of their names.
DEPLOYMENT_POLICIES: Mapping[str, tuple[StatementTemplate, ...]] = MappingProxyType(
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


def policy_json(scope: Scope, *templates: StatementTemplate) -> str:
    """Return a policy of these statements as compact JSON: AWS counts every character but white space."""
    statements = []
    for template in templates:
        key, actions = (
            ("NotAction", template.actions[1:]) if template.actions.startswith("!") else ("Action", template.actions)
        )
        statement = {"Sid": template.sid, "Effect": template.effect, key: actions.split()}
        statement["Resource"] = scope.fill_placeholders(template.resources).split()
        if template.condition:
            statement["Condition"] = scope.fill_placeholders(template.condition)
        statements.append(statement)
    return json.dumps({"Version": POLICY_VERSION, "Statement": statements}, separators=(",", ":"))


def state_statements(bucket_arn: str, key_arn: str | None, *, writes: bool) -> list[StatementTemplate]:
    """Return the statements for reading, and with `writes` changing, the state of this stack and no other."""
    files = ("stacks/{project}/{environment}.json*", "history/{project}/{environment}/*", "backups/{project}/{environment}/*",
             "locks/organization/{project}/{environment}/*")  # fmt: skip
    own = " ".join(f"{bucket_arn}/.pulumi/{name}" for name in files)
    templates = [
        StatementTemplate(sid="FindState", actions="s3:ListBucket s3:GetBucketLocation", resources=bucket_arn),
        StatementTemplate(sid="ReadState", actions="s3:GetObject", resources=f"{own} {bucket_arn}/.pulumi/meta.yaml"),
    ]
    if writes:
        templates.append(StatementTemplate(sid="WriteState", actions="s3:PutObject s3:DeleteObject", resources=own))
    if key_arn is not None:
        actions = "kms:Decrypt kms:Encrypt kms:GenerateDataKey" if writes else "kms:Decrypt"
        templates.append(StatementTemplate(sid="UseStateKey", actions=actions, resources=key_arn))
    return templates
