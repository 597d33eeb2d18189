from typing import Any

import pulumi
import pytest

from components.machine_client import MachineClient, MachineClientArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
PLAIN = {"ResourceServer": 1, "UserPoolClient": 1, "UserPoolDomain": 1}


def args(**changes: Any) -> Any:
    return MachineClientArgs(
        **dict[str, Any]({"naming": NAMING, "pool_id": "us-east-1_Pool", "domain_prefix": "episode-metadata-dev"})
        | changes
    )


class TestRegister:
    @pytest.mark.requirement("C-11")
    def test_client_gets_tokens_for_its_scope_and_in_no_other_way(self, register: Any) -> None:
        graph = register(lambda: MachineClient("machine", args()))
        assert graph.counts == PLAIN
        assert graph.one("UserPoolClient").inputs == {
            "name": "episode-metadata-machine-client-dev",
            "userPoolId": "us-east-1_Pool",
            "generateSecret": True,
            "allowedOauthFlowsUserPoolClient": True,
            "allowedOauthFlows": ["client_credentials"],
            "allowedOauthScopes": ["episode-metadata/system"],
            "explicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
            "accessTokenValidity": 60,
            "tokenValidityUnits": {"accessToken": "minutes"},
            "enableTokenRevocation": True,
            "preventUserExistenceErrors": "ENABLED",
        }
        assert graph.one("ResourceServer").inputs == {
            "identifier": "episode-metadata",
            "name": "episode-metadata-api-dev",
            "userPoolId": "us-east-1_Pool",
            "scopes": [{"scopeName": "system", "scopeDescription": "Acts for the platform itself"}],
        }
        # Cognito refuses a client for a scope that is not there yet.
        assert graph.depends("machine-client", "machine-resource-server")

    def test_tokens_come_from_the_pool_s_domain_in_its_region(self, register: Any) -> None:
        seen: list[Any] = []
        graph = register(lambda: MachineClient("machine", args()).token_url.apply(seen.append))
        assert seen == ["https://episode-metadata-dev.auth.us-east-1.amazoncognito.com/oauth2/token"]
        assert graph.one("UserPoolDomain").inputs == {
            "domain": "episode-metadata-dev",
            "userPoolId": "us-east-1_Pool",
        }

    def test_its_secret_is_one_of_the_program_too(self, register: Any) -> None:
        seen: list[Any] = []

        def make() -> None:
            machine = MachineClient("machine", args())
            pulumi.Output.from_input(machine.client_secret.is_secret()).apply(seen.append)

        register(make)
        assert seen == [True]

    def test_value_is_kept_only_where_a_secret_is_given(self, register: Any) -> None:
        graph = register(lambda: MachineClient("machine", args(secret_id="arn:aws:secretsmanager:::secret:machine")))
        assert graph.counts == PLAIN | {"SecretVersion": 1}
        assert graph.one("SecretVersion").inputs["secretId"] == "arn:aws:secretsmanager:::secret:machine"
