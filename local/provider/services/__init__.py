"""The table of types: every AWS resource type that the local provider applies, one module per service."""

from collections.abc import Mapping

from local.provider.resource_types.table import ResourceType
from local.provider.services import (
    acm,
    apigatewayv2,
    application_autoscaling,
    backup,
    budgets,
    cloudfront,
    cloudwatch,
    cognito,
    ec2,
    ecr,
    ecs,
    elasticache,
    elbv2,
    guardduty,
    iam,
    kms,
    lambda_,
    logs,
    opensearch,
    rds,
    route53,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
    wafv2,
)

_SERVICES = (
    acm,
    apigatewayv2,
    application_autoscaling,
    backup,
    budgets,
    cloudfront,
    cloudwatch,
    cognito,
    ec2,
    ecr,
    ecs,
    elasticache,
    elbv2,
    guardduty,
    iam,
    kms,
    lambda_,
    logs,
    opensearch,
    rds,
    route53,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
    wafv2,
)

# By type token.
TABLE: Mapping[str, ResourceType] = {each.token: each for service in _SERVICES for each in service.TYPES}
