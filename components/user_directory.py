"""A Cognito user pool with one client and its groups: administrators create the accounts, and groups are the only roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components.arguments import MAIL_ADDRESS, check, check_choice, check_range
from components.choices import Mfa, ThreatProtection
from components.naming import Naming

MINIMUM_PASSWORD_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class UserDirectoryArgs:
    """A pool whose user names are e-mail addresses."""

    naming: Naming
    groups: Mapping[str, str]
    """The description of each group, in the order of precedence: the first group of a user wins."""
    mfa: Mfa = "OPTIONAL"
    """Multi-factor authentication by authenticator app: disabled, optional, or required."""
    access_token_hours: int = 1
    id_token_hours: int = 1
    refresh_token_days: int = 30
    threat_protection: ThreatProtection = "off"
    """Whether compromised passwords and unusual sign-ins are logged (audit) or also blocked (enforced), at a price per user."""
    first_administrator_email: str | None = None
    """The e-mail address of a first account, in the first group, created without a message and without a known password.

    No password is in the program or its state. An operator sets a temporary one, which the first sign-in replaces:
    `aws cognito-idp admin-set-user-password --user-pool-id … --username … --password …`. Until then Cognito rejects "forgot
    password", as for every account that never signed in. Later changes of the account are left alone.
    """
    protected: bool = False
    """Refuse deletion, and retain the pool when the program drops it."""

    def __post_init__(self) -> None:
        check(self, "groups", bool(self.groups), "must name at least one group")
        bare = [group for group, description in self.groups.items() if not description]
        check(self, "groups", not bare, f"must describe each group; {', '.join(bare)} has no description")
        check_choice(self, "mfa", get_args(Mfa))
        check_range(self, "access_token_hours", 1, 24)
        check_range(self, "id_token_hours", 1, 24)
        check_range(self, "refresh_token_days", 1, 3_650)
        check_choice(self, "threat_protection", get_args(ThreatProtection))
        if self.first_administrator_email is not None:
            address = self.first_administrator_email
            check(
                self,
                "first_administrator_email",
                bool(MAIL_ADDRESS.fullmatch(address)),
                f"must be an address, not {address!r}",
            )


class UserDirectory(pulumi.ComponentResource):
    """The pool, its public client, its groups, and the first administrator."""

    pool_id: pulumi.Output[str]
    pool_endpoint: pulumi.Output[str]
    """Host and path of the pool: the issuer of its tokens, without `https://`."""
    client_id: pulumi.Output[str]

    def __init__(self, name: str, args: UserDirectoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:UserDirectory", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_pool()
        self._create_client()
        self._create_groups()
        self._create_first_administrator()

        self.pool_id = self._pool.id
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
            # A changed address only applies once it is verified.
            user_attribute_update_settings=aws.cognito.UserPoolUserAttributeUpdateSettingsArgs(
                attributes_require_verification_before_updates=["email"]
            ),
            password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
                minimum_length=MINIMUM_PASSWORD_LENGTH,
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
            # Only the more expensive tier has threat protection.
            user_pool_tier="ESSENTIALS" if args.threat_protection == "off" else "PLUS",
            user_pool_add_ons=None
            if args.threat_protection == "off"
            else aws.cognito.UserPoolUserPoolAddOnsArgs(advanced_security_mode=args.threat_protection.upper()),
            deletion_protection="ACTIVE" if args.protected else "INACTIVE",
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )
        if args.threat_protection == "enforced":
            self._create_risk_configuration()

    def _create_risk_configuration(self) -> None:
        aws.cognito.RiskConfiguration(
            f"{self._name}-risks",
            user_pool_id=self._pool.id,
            compromised_credentials_risk_configuration=aws.cognito.RiskConfigurationCompromisedCredentialsRiskConfigurationArgs(
                actions=aws.cognito.RiskConfigurationCompromisedCredentialsRiskConfigurationActionsArgs(
                    event_action="BLOCK"
                )
            ),
            # Low risk, such as a new browser, is allowed.
            account_takeover_risk_configuration=aws.cognito.RiskConfigurationAccountTakeoverRiskConfigurationArgs(
                actions=aws.cognito.RiskConfigurationAccountTakeoverRiskConfigurationActionsArgs(
                    medium_action=aws.cognito.RiskConfigurationAccountTakeoverRiskConfigurationActionsMediumActionArgs(
                        event_action="MFA_IF_CONFIGURED", notify=False
                    ),
                    high_action=aws.cognito.RiskConfigurationAccountTakeoverRiskConfigurationActionsHighActionArgs(
                        event_action="BLOCK", notify=False
                    ),
                )
            ),
            opts=self._child,
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
            # The same response for a wrong password and for an unknown user.
            prevent_user_existence_errors="ENABLED",
            # Roles come from groups, which clients cannot write; these attributes grant nothing.
            read_attributes=["email", "email_verified", "name"],
            write_attributes=["email", "name"],
            opts=self._child,
        )

    def _create_groups(self) -> None:
        self._groups = {
            group: aws.cognito.UserGroup(
                f"{self._name}-group-{group}",
                name=group,
                user_pool_id=self._pool.id,
                description=description,
                precedence=precedence,
                opts=self._child,
            )
            for precedence, (group, description) in enumerate(self._args.groups.items(), start=1)
        }

    def _create_first_administrator(self) -> None:
        args, email = self._args, self._args.first_administrator_email
        if email is None:
            return
        user = aws.cognito.User(
            f"{self._name}-first-administrator",
            user_pool_id=self._pool.id,
            username=email,
            attributes={"email": email, "email_verified": "true"},
            message_action="SUPPRESS",
            # The account's owner may change it: changes are not reverted, and where protected it is retained.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["attributes", "enabled"], retain_on_delete=args.protected
            ),
        )
        aws.cognito.UserInGroup(
            f"{self._name}-first-administrator-membership",
            user_pool_id=self._pool.id,
            group_name=next(iter(self._groups.values())).name,
            username=user.username,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.protected),
        )
