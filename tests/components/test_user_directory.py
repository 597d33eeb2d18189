from typing import Any

import pytest

from components.naming import Naming
from components.user_directory import UserDirectory, UserDirectoryArgs

NAMING = Naming("episode-metadata", "dev")
GROUPS = {"admin": "All of it", "viewer": "Reads"}


def args(**changes: Any) -> Any:
    return UserDirectoryArgs(**dict[str, Any]({"naming": NAMING, "groups": GROUPS}) | changes)


class TestRegister:
    @pytest.mark.requirement("ROAD-37", "ROAD-05", "C-19")
    def test_pool_is_strict_and_closed(self, register: Any) -> None:
        graph = register(lambda: UserDirectory("users", args()))
        assert graph.counts == {"UserPool": 1, "UserPoolClient": 1, "UserGroup": 2}
        assert graph.one("UserPool").inputs == {
            "name": "episode-metadata-users-dev",
            "usernameAttributes": ["email"],
            "autoVerifiedAttributes": ["email"],
            "usernameConfiguration": {"caseSensitive": False},
            "userAttributeUpdateSettings": {"attributesRequireVerificationBeforeUpdates": ["email"]},
            "passwordPolicy": {
                "minimumLength": 12,
                "requireUppercase": True,
                "requireLowercase": True,
                "requireNumbers": True,
                "requireSymbols": True,
                "temporaryPasswordValidityDays": 7,
            },
            "adminCreateUserConfig": {"allowAdminCreateUserOnly": True},
            "accountRecoverySetting": {"recoveryMechanisms": [{"name": "verified_email", "priority": 1}]},
            "mfaConfiguration": "OPTIONAL",
            "softwareTokenMfaConfiguration": {"enabled": True},
            "userPoolTier": "ESSENTIALS",
            "deletionProtection": "INACTIVE",
        }

    @pytest.mark.requirement("ROAD-38")
    def test_client_signs_in_by_password_and_refreshes(self, register: Any) -> None:
        client = dict(register(lambda: UserDirectory("users", args())).one("UserPoolClient").inputs)
        assert client.pop("userPoolId")
        assert client == {
            "name": "episode-metadata-api-client-dev",
            "generateSecret": False,
            "explicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "accessTokenValidity": 1,
            "idTokenValidity": 1,
            "refreshTokenValidity": 30,
            "tokenValidityUnits": {"accessToken": "hours", "idToken": "hours", "refreshToken": "days"},
            "enableTokenRevocation": True,
            "preventUserExistenceErrors": "ENABLED",
            "readAttributes": ["email", "email_verified", "name"],
            "writeAttributes": ["email", "name"],
        }

    @pytest.mark.requirement("ROAD-39")
    def test_groups_are_described_and_ranked(self, register: Any) -> None:
        groups = register(lambda: UserDirectory("users", args())).of("UserGroup")
        found = [(each.inputs["name"], each.inputs["precedence"], each.inputs["description"]) for each in groups]
        assert found == [("admin", 1, "All of it"), ("viewer", 2, "Reads")]

    @pytest.mark.parametrize(("mfa", "by_app"), [("OFF", False), ("OPTIONAL", True), ("ON", True)])
    def test_second_factor_by_mode(self, register: Any, mfa: Any, by_app: Any) -> None:
        pool = register(lambda: UserDirectory("users", args(mfa=mfa))).one("UserPool").inputs
        assert pool["mfaConfiguration"] == mfa
        assert ("softwareTokenMfaConfiguration" in pool) is by_app


class TestThreatProtection:
    def test_audit_tells_and_refuses_nothing(self, register: Any) -> None:
        graph = register(lambda: UserDirectory("users", args(threat_protection="audit")))
        assert "RiskConfiguration" not in graph.counts
        pool = graph.one("UserPool").inputs
        assert (pool["userPoolTier"], pool["userPoolAddOns"]) == ("PLUS", {"advancedSecurityMode": "AUDIT"})

    def test_enforced_refuses_stolen_passwords_and_strange_sign_ins(self, register: Any) -> None:
        graph = register(lambda: UserDirectory("users", args(threat_protection="enforced")))
        assert graph.one("UserPool").inputs["userPoolAddOns"] == {"advancedSecurityMode": "ENFORCED"}
        risks = dict(graph.one("RiskConfiguration").inputs)
        assert risks.pop("userPoolId")
        assert risks == {
            "compromisedCredentialsRiskConfiguration": {"actions": {"eventAction": "BLOCK"}},
            "accountTakeoverRiskConfiguration": {
                "actions": {
                    "mediumAction": {"eventAction": "MFA_IF_CONFIGURED", "notify": False},
                    "highAction": {"eventAction": "BLOCK", "notify": False},
                }
            },
        }


class TestFirstAdministrator:
    EMAIL = "admin@example.com"

    @pytest.mark.requirement("ROAD-40")
    def test_it_is_verified_in_its_group_and_told_nothing(self, register: Any) -> None:
        graph = register(lambda: UserDirectory("users", args(first_administrator_email=self.EMAIL)))
        assert graph.counts == {"UserPool": 1, "UserPoolClient": 1, "UserGroup": 2, "User": 1, "UserInGroup": 1}
        user = dict(graph.one("User").inputs)
        assert user.pop("userPoolId")
        # Neither password nor temporary password: what is not in the program is not in its state.
        assert user == {
            "username": self.EMAIL,
            "attributes": {"email": self.EMAIL, "email_verified": "true"},
            "messageAction": "SUPPRESS",
        }
        membership = graph.one("UserInGroup").inputs
        assert (membership["groupName"], membership["username"]) == ("admin", self.EMAIL)
        assert graph.depends("users-first-administrator-membership", "users-group-admin")
