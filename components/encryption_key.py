"""A KMS key of the account's own: rotated, hard to delete, and of use only through the services that it was made for."""

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
# How long a deleted key can still be had back: the longest that KMS allows.
DELETION_WINDOW_DAYS = 30

# All that is done to a key without touching what it encrypts.
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
    """A key for one class of data. It costs money by the month, and so does each call that uses it."""

    naming: Naming
    thing: str
    """What it encrypts: `data` makes its alias `alias/{project}-data-{environment}`."""
    description: str
    account_id: pulumi.Input[str]
    region: str
    services: Sequence[str] = ()
    """Services through which this account's roles may use it, as their endpoints are called: `s3`, `rds`, `sqs`."""
    log_groups: Sequence[str] = ()
    """Names of log groups that CloudWatch may encrypt under it; `*` stands for any characters."""
    protected: bool = False
    """Refuse deletion, and leave the key behind when the program drops it: without it, what it encrypted is lost."""

    def __post_init__(self) -> None:
        check(self, "description", 0 < len(self.description) <= 8192, "must have 1 to 8192 characters")
        for field, pattern, example in (
            ("services", SERVICE, "s3"),
            ("log_groups", LOG_GROUP, "/aws/lambda/*"),
        ):
            values = getattr(self, field)
            for value in values:
                check(self, field, bool(pattern.fullmatch(value)), f"must be such as {example}, not {value!r}")
            check_unique(self, field, values)
        # Every group there is would be any that someone else in the account makes, too.
        check(self, "log_groups", "*" not in self.log_groups, "must name groups, not all of them")


class EncryptionKey(pulumi.ComponentResource):
    """The key and its alias. The account administers it through IAM; nobody uses it but through the services named."""

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
            name=f"alias/{args.naming.physical(args.thing)}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})

    def _statements(self) -> list[policies.Statement]:
        args = self._args
        statements = [_administer_key(args.account_id)]
        if args.services:
            statements += _use_key_through(args.services, args.region, args.account_id)
        if args.log_groups:
            statements.append(_encrypt_logs(args.log_groups, args.region, args.account_id))
        return statements


def _administer_key(account_id: pulumi.Input[str]) -> policies.Statement:
    """A statement of a key's policy: those administer the key whom IAM lets, in this account. Nobody may use it by this.

    A grant is a use that lasts, so it is no administration: whoever could make one could decrypt by it.
    """
    return policies.allow(
        "AccountAdministers",
        KEY_ADMINISTRATION_ACTIONS,
        ["*"],
        principal=_account(account_id),
    )


def _use_key_through(services: Sequence[str], region: str, account_id: pulumi.Input[str]) -> list[policies.Statement]:
    """Statements of a key's policy: those use it whom IAM lets, in this account, and only through these services.

    A service that works on for long, as a database does, gets a grant from whoever sets it to work.
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
            principal=_account(account_id),
            condition={"StringEquals": through},
        ),
        policies.allow(
            "GrantToServices",
            ["kms:CreateGrant"],
            ["*"],
            principal=_account(account_id),
            condition={"StringEquals": through, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _encrypt_logs(log_groups: Sequence[str], region: str, account_id: pulumi.Input[str]) -> policies.Statement:
    """A statement of a key's policy: CloudWatch Logs encrypts these groups of this account, and no others."""
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


def _account(account_id: pulumi.Input[str]) -> dict[str, Any]:
    """An account as a principal: whoever it is that its IAM lets."""
    return {"AWS": pulumi.Output.concat("arn:aws:iam::", account_id, ":root")}
