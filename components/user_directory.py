"""A Cognito user pool with one client and its groups: accounts are made by administrators, and groups are the only roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components.arguments import check, check_choice, check_range
from components.choices import Mfa
from components.naming import Naming


@dataclass(frozen=True, kw_only=True)
class UserDirectoryArgs:
    """A pool whose user name is the e-mail address."""

    naming: Naming
    groups: Mapping[str, str]
    """Each group's description. The order is the precedence: of a user's groups the first listed counts most."""
    mfa: Mfa = "OPTIONAL"
    """Second factor by authenticator app: never, as each user chooses, or always."""
    access_token_hours: int = 1
    id_token_hours: int = 1
    refresh_token_days: int = 30
    minimum_password_length: int = 12
    protected: bool = False
    """Refuse deletion, and leave the pool behind when the program drops it."""

    def __post_init__(self) -> None:
        check(self, "groups", bool(self.groups), "must name at least one group")
        bare = [group for group, description in self.groups.items() if not description]
        check(self, "groups", not bare, f"must describe each group; {', '.join(bare)} has no description")
        check_choice(self, "mfa", get_args(Mfa))
        check_range(self, "access_token_hours", 1, 24)
        check_range(self, "id_token_hours", 1, 24)
        check_range(self, "refresh_token_days", 1, 3_650)
        check_range(self, "minimum_password_length", 12, 99)


class UserDirectory(pulumi.ComponentResource):
    """The pool, the API's client without a secret, and the groups."""

    pool_id: pulumi.Output[str]
    pool_arn: pulumi.Output[str]
    pool_endpoint: pulumi.Output[str]
    """Host and path of the pool without a scheme: the issuer of its tokens, where its keys are."""
    client_id: pulumi.Output[str]

    def __init__(self, name: str, args: UserDirectoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:UserDirectory", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_pool()
        self._create_client()
        self._create_groups()

        self.pool_id = self._pool.id
        self.pool_arn = self._pool.arn
        self.pool_endpoint = self._pool.endpoint
        self.client_id = self._client.id
        self.register_outputs({"pool_id": self.pool_id, "client_id": self.client_id})

    def _create_pool(self) -> None:
        args = self._args
        self._pool = aws.cognito.UserPool(
            f"{self._name}-pool",
            name=args.naming.physical("users"),
            username_attributes=["email"],
            auto_verified_attributes=["email"],
            username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
            # A new address counts only after it was verified; until then the old one stays.
            user_attribute_update_settings=aws.cognito.UserPoolUserAttributeUpdateSettingsArgs(
                attributes_require_verification_before_updates=["email"]
            ),
            password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
                minimum_length=args.minimum_password_length,
                require_uppercase=True,
                require_lowercase=True,
                require_numbers=True,
                require_symbols=True,
                temporary_password_validity_days=7,
            ),
            admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(allow_admin_create_user_only=True),
            account_recovery_setting=aws.cognito.UserPoolAccountRecoverySettingArgs(
                recovery_mechanisms=[
                    aws.cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(name="verified_email", priority=1)
                ]
            ),
            mfa_configuration=args.mfa,
            software_token_mfa_configuration=None
            if args.mfa == "OFF"
            else aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
            deletion_protection="ACTIVE" if args.protected else "INACTIVE",
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )

    def _create_client(self) -> None:
        args = self._args
        self._client = aws.cognito.UserPoolClient(
            f"{self._name}-client",
            name=args.naming.physical("api-client"),
            user_pool_id=self._pool.id,
            generate_secret=False,
            explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            access_token_validity=args.access_token_hours,
            id_token_validity=args.id_token_hours,
            refresh_token_validity=args.refresh_token_days,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(
                access_token="hours",  # noqa: S106  (a unit)
                id_token="hours",  # noqa: S106
                refresh_token="days",  # noqa: S106
            ),
            enable_token_revocation=True,
            # The same answer for a wrong password and an unknown user.
            prevent_user_existence_errors="ENABLED",
            # Roles come from groups, which no client can write; these two attributes decide nothing.
            read_attributes=["email", "email_verified", "name"],
            write_attributes=["email", "name"],
            opts=self._child,
        )

    def _create_groups(self) -> None:
        for precedence, (group, description) in enumerate(self._args.groups.items(), start=1):
            aws.cognito.UserGroup(
                f"{self._name}-group-{group}",
                name=group,
                user_pool_id=self._pool.id,
                description=description,
                precedence=precedence,
                opts=self._child,
            )
