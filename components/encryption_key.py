"""A customer managed KMS key: rotated, protected from deletion, and usable only through named services."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_unique
from components.naming import Naming

SERVICE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*")
LOG_GROUP = re.compile(r"[\w/.#*-]+")
ROTATION_DAYS = 365
# The longest waiting period that KMS allows before it deletes a key.
DELETION_WINDOW_DAYS = 30

# Everything but using the key.
KEY_ADMINISTRATION_ACTIONS = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:Delete*",
    "kms:Describe*",
    "kms:Disable*",
    "kms:Enable*",
    "kms:Get*",
    "kms:List*",
    "kms:Put*",
    "kms:Revoke*",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:Update*",
)
KEY_USE_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


@dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """A key for one class of data. It costs by the month and by the request."""

    naming: Naming
    resource_name: str
    """`data` names its alias `alias/{project}-data-{environment}`."""
    description: str
    account_id: pulumi.Input[str]
    region: str
    services: Sequence[str] = ()
    """Services through which the account's roles may use the key, by their endpoint names: `s3`, `rds`, `sqs`."""
    log_groups: Sequence[str] = ()
    """Names of log groups that CloudWatch Logs may encrypt with the key; `*` matches any characters."""
    protected: bool = False
    """Refuse deletion, and retain the key when the program drops it: without the key its data is lost."""

    def __post_init__(self) -> None:
        check(self, "description", 0 < len(self.description) <= 8192, "must have 1 to 8192 characters")
        for field, pattern, example in (
            ("services", SERVICE, "s3"),
            ("log_groups", LOG_GROUP, "/aws/lambda/*"),
        ):
            values = getattr(self, field)
            for value in values:
                check(self, field, bool(pattern.fullmatch(value)), f"must be like {example}, not {value!r}")
            check_unique(self, field, values)
        # A lone wildcard would cover every log group of the account.
        check(self, "log_groups", "*" not in self.log_groups, "must not match every log group")


class EncryptionKey(pulumi.ComponentResource):
    """The key and its alias. The account administers it through IAM, and uses it only through the named services."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:EncryptionKey", name, {}, opts)
        self._args = args
        key = aws.kms.Key(
            f"{name}-key",
            description=args.description,
            enable_key_rotation=True,
            rotation_period_in_days=ROTATION_DAYS,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=pulumi.Output.json_dumps(policies.document(*self._statements())),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=f"alias/{args.naming.physical(args.resource_name)}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})

    def _statements(self) -> list[policies.Statement]:
        args = self._args
        statements = [_allow_administration(args.account_id)]
        if args.services:
            statements += _allow_use_through(args.services, args.region, args.account_id)
        if args.log_groups:
            statements.append(_allow_log_encryption(args.log_groups, args.region, args.account_id))
        return statements


def _allow_administration(account_id: pulumi.Input[str]) -> policies.Statement:
    """Return a statement that lets IAM of this account decide who administers the key, without using it.

    Creating grants is no administration: whoever creates a grant can decrypt with it.
    """
    return policies.allow(
        "AccountAdministers",
        KEY_ADMINISTRATION_ACTIONS,
        ["*"],
        principal=_account_principal(account_id),
    )


def _allow_use_through(services: Sequence[str], region: str, account_id: pulumi.Input[str]) -> list[policies.Statement]:
    """Return statements that let IAM of this account decide who uses the key, only through these services.

    A service that needs the key for long, such as a database, gets a grant from the caller that sets it up.
    """
    through = {
        "kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services],
        "kms:CallerAccount": account_id,
    }
    return [
        policies.allow(
            "UseThroughServices",
            KEY_USE_ACTIONS,
            ["*"],
            principal=_account_principal(account_id),
            condition={"StringEquals": through},
        ),
        policies.allow(
            "GrantToServices",
            ["kms:CreateGrant"],
            ["*"],
            principal=_account_principal(account_id),
            condition={"StringEquals": through, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _allow_log_encryption(log_groups: Sequence[str], region: str, account_id: pulumi.Input[str]) -> policies.Statement:
    """Return a statement that lets CloudWatch Logs encrypt these log groups of this account."""
    return policies.allow(
        "EncryptLogs",
        KEY_USE_ACTIONS,
        ["*"],
        principal={"Service": f"logs.{region}.amazonaws.com"},
        condition={
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": [
                    pulumi.Output.concat(f"arn:aws:logs:{region}:", account_id, f":log-group:{group}")
                    for group in log_groups
                ]
            }
        },
    )


def _account_principal(account_id: pulumi.Input[str]) -> dict[str, Any]:
    """Return the principal of an account, whose IAM decides further."""
    return {"AWS": pulumi.Output.concat("arn:aws:iam::", account_id, ":root")}
