from typing import Any

import pytest

from components.database_proxy import DatabaseProxy, DatabaseProxyArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:episode-metadata/database-dev-AbCdEf"
PLAIN = {
    "SecurityGroup": 1,
    "SecurityGroupEgressRule": 1,
    "SecurityGroupIngressRule": 1,
    "Role": 1,
    "RolePolicy": 1,
    "LogGroup": 1,
    "Proxy": 1,
    "ProxyDefaultTargetGroup": 1,
    "ProxyTarget": 1,
}


def args(**changes: Any) -> Any:
    return DatabaseProxyArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "vpc_id": "vpc-1",
                "subnet_ids": ["subnet-1", "subnet-2"],
                "database_identifier": "episode-metadata-db-dev",
                "database_security_group_id": "sg-database",
                "secret_arn": SECRET,
            }
        )
        | changes
    )


class TestRegister:
    def test_clients_must_use_tls_and_the_one_role(self, register: Any) -> None:
        graph = register(lambda: DatabaseProxy("proxy", args()))
        assert graph.counts == PLAIN
        proxy = dict(graph.one("Proxy").inputs)
        assert graph.named("proxy-role").urn in graph.one("Proxy").property_dependencies["roleArn"]
        assert proxy.pop("roleArn")
        assert len(proxy.pop("vpcSecurityGroupIds")) == 1
        assert proxy == {
            "name": "episode-metadata-db-proxy-dev",
            "engineFamily": "POSTGRESQL",
            "requireTls": True,
            "auths": [
                {
                    "authScheme": "SECRETS",
                    "secretArn": SECRET,
                    "iamAuth": "DISABLED",
                    "clientPasswordAuthType": "POSTGRES_SCRAM_SHA_256",
                }
            ],
            "vpcSubnetIds": ["subnet-1", "subnet-2"],
            "idleClientTimeout": 1800,
            "debugLogging": False,
        }
        assert graph.one("LogGroup").inputs == {
            "name": "/aws/rds/proxy/episode-metadata-db-proxy-dev",
            "retentionInDays": 30,
        }
        for earlier in ("proxy-log", "proxy-policy", "proxy-to-database", "proxy-enters-database"):
            assert graph.depends("proxy-proxy", earlier)

    def test_iam_takes_the_place_of_the_password(self, register: Any) -> None:
        (auth,) = register(lambda: DatabaseProxy("proxy", args(iam_authentication=True))).one("Proxy").inputs["auths"]
        assert auth == {"authScheme": "SECRETS", "secretArn": SECRET, "iamAuth": "REQUIRED"}

    @pytest.mark.requirement("P2-09")
    def test_its_role_reads_exactly_the_secret(self, register: Any) -> None:
        graph = register(lambda: DatabaseProxy("proxy", args()))
        statements = graph.statements("proxy-policy")
        assert statements.keys() == {"ReadSecret"}
        assert statements["ReadSecret"]["Action"] == ["secretsmanager:GetSecretValue"]
        assert statements["ReadSecret"]["Resource"] == [SECRET]
        trust = graph.statements("proxy-role", "assumeRolePolicy")["ServiceAssumesRole"]
        assert trust["Principal"] == {"Service": "rds.amazonaws.com"}

    def test_its_role_decrypts_for_secrets_manager_alone(self, register: Any) -> None:
        chosen = args(secret_key_arn="arn:aws:kms:us-east-1:123456789012:key/1")
        decrypt = register(lambda: DatabaseProxy("proxy", chosen)).statements("proxy-policy")["DecryptSecrets"]
        assert decrypt["Resource"] == ["arn:aws:kms:us-east-1:123456789012:key/1"]
        assert decrypt["Condition"] == {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}}

    def test_it_reaches_the_database_and_nothing_else(self, register: Any) -> None:
        graph = register(lambda: DatabaseProxy("proxy", args()))
        group = graph.one("Proxy").inputs["vpcSecurityGroupIds"][0]
        out, entry = graph.one("SecurityGroupEgressRule").inputs, graph.one("SecurityGroupIngressRule").inputs
        assert (out["securityGroupId"], out["referencedSecurityGroupId"]) == (group, "sg-database")
        assert (entry["securityGroupId"], entry["referencedSecurityGroupId"]) == ("sg-database", group)
        assert {rule[end] for rule in (out, entry) for end in ("fromPort", "toPort")} == {5432}

    def test_database_stands_behind_it(self, register: Any) -> None:
        graph = register(lambda: DatabaseProxy("proxy", args(connections_percent=50, borrow_timeout_seconds=3)))
        assert graph.one("ProxyDefaultTargetGroup").inputs["connectionPoolConfig"] == {
            "maxConnectionsPercent": 50,
            "connectionBorrowTimeout": 3,
        }
        target = graph.one("ProxyTarget").inputs
        assert target["dbInstanceIdentifier"] == "episode-metadata-db-dev"
        assert graph.depends("proxy-target", "proxy-target-group")
