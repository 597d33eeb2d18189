"""The table: every AWS type that the local provider applies, one module per service."""

from collections.abc import Mapping

from local.provider.services import (
    apigatewayv2,
    cloudwatch,
    cognito,
    ec2,
    iam,
    kms,
    lambda_,
    logs,
    rds,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
)
from local.provider.table import ResourceType

_SERVICES = (
    apigatewayv2,
    cloudwatch,
    cognito,
    ec2,
    iam,
    kms,
    lambda_,
    logs,
    rds,
    s3,
    scheduler,
    secretsmanager,
    sns,
    sqs,
    ssm,
)

# By type token.
TABLE: Mapping[str, ResourceType] = {kind.token: kind for service in _SERVICES for kind in service.TYPES}
