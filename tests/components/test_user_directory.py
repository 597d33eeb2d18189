import pytest

from components.arguments import ArgumentError
from components.naming import Naming
from components.user_directory import UserDirectory, UserDirectoryArgs

NAMING = Naming("episode-metadata", "dev")
GROUPS = {"admin": "All of it", "viewer": "Reads"}


def args(**changes):
    return UserDirectoryArgs(**{"naming": NAMING, "groups": GROUPS} | changes)


class TestRegister:
    @pytest.mark.requirement("ROAD-37", "ROAD-05", "C-19")
    def test_pool_is_strict_and_closed(self, register):
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
            "deletionProtection": "INACTIVE",
        }

    @pytest.mark.requirement("ROAD-38")
    def test_client_signs_in_by_password_and_refreshes(self, register):
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
    def test_groups_are_described_and_ranked(self, register):
        groups = register(lambda: UserDirectory("users", args())).of("UserGroup")
        found = [(each.inputs["name"], each.inputs["precedence"], each.inputs["description"]) for each in groups]
        assert found == [("admin", 1, "All of it"), ("viewer", 2, "Reads")]

    @pytest.mark.parametrize(("mfa", "by_app"), [("OFF", False), ("OPTIONAL", True), ("ON", True)])
    def test_second_factor_by_mode(self, register, mfa, by_app):
        pool = register(lambda: UserDirectory("users", args(mfa=mfa))).one("UserPool").inputs
        assert pool["mfaConfiguration"] == mfa
        assert ("softwareTokenMfaConfiguration" in pool) is by_app

    def test_protected_pool_refuses_deletion(self, register):
        pool = register(lambda: UserDirectory("users", args(protected=True))).one("UserPool")
        assert pool.protect
        assert pool.inputs["deletionProtection"] == "ACTIVE"


class TestArgs:
    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("groups", {"groups": {}}),
            ("groups", {"groups": {"admin": ""}}),
            ("mfa", {"mfa": "REQUIRED"}),
            ("access_token_hours", {"access_token_hours": 25}),
            ("id_token_hours", {"id_token_hours": 0}),
            ("refresh_token_days", {"refresh_token_days": 4000}),
            ("minimum_password_length", {"minimum_password_length": 11}),
        ],
    )
    def test_impossible_value_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"UserDirectoryArgs\.{field}: must"):
            args(**changes)
