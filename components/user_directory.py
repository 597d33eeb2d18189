"""A Cognito user pool with one client and its groups: accounts are made by administrators, and groups are the only roles."""

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
    """A pool whose user name is the e-mail address."""

    naming: Naming
    groups: Mapping[str, str]
    """Each group's description. The order is the precedence: of a user's groups the first listed counts most."""
    mfa: Mfa = "OPTIONAL"
    """Second factor by authenticator app: never, as each user chooses, or always."""
    access_token_hours: int = 1
    id_token_hours: int = 1
    refresh_token_days: int = 30
    threat_protection: ThreatProtection = "off"
    """Whether stolen passwords and unusual sign-ins are told (audit) or also refused (enforced); each user then costs more."""
    first_administrator_email: str | None = None
    """An account to begin with, in the first of the groups, made without any message and without a password that anybody knows.

    No password stands in the program or its state. An operator gives it a temporary one, to be changed at the first sign-in:
    `aws cognito-idp admin-set-user-password --user-pool-id … --username … --password …`. Until then "forgot password" is
    refused, as for every account that never signed in. What becomes of the account afterwards is its owner's.
    """
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
    """The pool, the API's client without a secret, the groups, and where asked the first administrator."""

    pool_id: pulumi.Output[str]
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
            # A new address counts only after it was verified; until then the old one stays.
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
            # Threat protection is what only the dearer tier has.
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
            # What is only a little unusual, such as a new browser, is let through.
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
            # The same answer for a wrong password and an unknown user.
            prevent_user_existence_errors="ENABLED",
            # Roles come from groups, which no client can write; these two attributes decide nothing.
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
            # The account is its owner's from here on: it is neither changed back nor, where it counts, deleted.
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
