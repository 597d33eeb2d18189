from typing import Any

import pulumi
import pytest

from components import policies
from components.naming import Naming
from components.placement import Egress, Placement
from components.python_function import PythonFunction, PythonFunctionArgs

NAMING = Naming("episode-metadata", "dev")
CODE = pulumi.AssetArchive({"worker.py": pulumi.StringAsset("def handle(event, context): ...")})


def args(**changes: Any) -> Any:
    return PythonFunctionArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "resource_name": "worker",
                "description": "Works",
                "code": CODE,
                "handler": "worker.handle",
            }
        )
        | changes
    )


def placement(**egress: Any) -> Any:
    return Placement(vpc_id="vpc-1", subnet_ids=["subnet-1", "subnet-2"], egress=egress)


PLAIN = {"LogGroup": 1, "Role": 1, "RolePolicy": 1, "Function": 1}


class TestRegister:
    @pytest.mark.requirement("ROAD-120")
    def test_function_is_as_asked(self, register: Any) -> None:
        graph = register(
            lambda: PythonFunction(
                "worker",
                args(
                    memory_mb=1024,
                    timeout_seconds=50,
                    reserved_concurrency=5,
                    architecture="x86_64",
                    variables={"COLOUR": "red"},
                ),
            )
        )
        assert graph.counts == PLAIN
        function = dict(graph.one("Function").inputs)
        assert function.pop("code")
        assert graph.named("worker-role").urn in graph.one("Function").property_dependencies["role"]
        assert function.pop("role")
        assert function == {
            "name": "episode-metadata-worker-dev",
            "description": "Works",
            "runtime": "python3.13",
            "architectures": ["x86_64"],
            "handler": "worker.handle",
            "memorySize": 1024,
            "timeout": 50,
            "reservedConcurrentExecutions": 5,
            "environment": {"variables": {"COLOUR": "red"}},
        }

    def test_log_group_comes_first_and_is_kept_as_asked(self, register: Any) -> None:
        graph = register(lambda: PythonFunction("worker", args(log_retention_days=90, log_key_arn="log-key")))
        assert graph.one("LogGroup").inputs == {
            "name": "/aws/lambda/episode-metadata-worker-dev",
            "retentionInDays": 90,
            "kmsKeyId": "log-key",
        }
        assert graph.depends("worker-function", "worker-log-group")
        assert graph.depends("worker-function", "worker-policy")

    @pytest.mark.requirement("P2-09")
    def test_role_may_write_its_logs_and_what_was_asked(self, register: Any) -> None:
        asked = policies.allow("ReadQueue", ["sqs:ReceiveMessage"], ["arn:aws:sqs:::q"])
        graph = register(lambda: PythonFunction("worker", args(statements=[asked])))
        statements = graph.statements("worker-policy")
        assert statements.keys() == {"WriteOwnLogs", "ReadQueue"}
        assert statements["ReadQueue"] == asked
        logs = statements["WriteOwnLogs"]
        assert logs["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
        assert logs["Resource"] == [
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/episode-metadata-worker-dev:*"
        ]
        trust = graph.statements("worker-role", "assumeRolePolicy")["ServiceAssumesRole"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}

    @pytest.mark.requirement("A-09")
    def test_in_a_network_it_has_a_group_of_its_own_and_named_ways_out(self, register: Any) -> None:
        ways: dict[str, Any] = {
            "database": Egress(description="PostgreSQL", port=5432, security_group_id="sg-db"),
            "s3": Egress(description="S3", prefix_list_id="pl-s3"),
            "internet": Egress(description="HTTPS", cidr="0.0.0.0/0"),
        }
        graph = register(lambda: PythonFunction("worker", args(placement=placement(**ways))))
        assert graph.counts == PLAIN | {"SecurityGroup": 1, "SecurityGroupEgressRule": 3}
        assert graph.one("Function").inputs["vpcConfig"]["subnetIds"] == ["subnet-1", "subnet-2"]
        assert not {"ingress", "egress"} & set(graph.one("SecurityGroup").inputs)
        peers = {"referencedSecurityGroupId", "prefixListId", "cidrIpv4"}
        found: dict[str, Any] = {
            rule.name: (rule.inputs["toPort"], {name: rule.inputs[name] for name in peers & set(rule.inputs)})
            for rule in graph.of("SecurityGroupEgressRule")
        }
        assert found == {
            "worker-to-database": (5432, {"referencedSecurityGroupId": "sg-db"}),
            "worker-to-s3": (443, {"prefixListId": "pl-s3"}),
            "worker-to-internet": (443, {"cidrIpv4": "0.0.0.0/0"}),
        }
        assert all(graph.depends("worker-function", name) for name in found)
        statements = graph.statements("worker-policy")
        assert statements.keys() == {"WriteOwnLogs", "AttachToNetwork", "KeepNetworkCallsFromCode"}
        (source,) = statements["KeepNetworkCallsFromCode"]["Condition"]["ArnEquals"].values()
        assert source == "arn:aws:lambda:us-east-1:123456789012:function:episode-metadata-worker-dev"

    def test_it_waits_for_what_must_exist_before(self, register: Any) -> None:
        def make() -> None:
            schema = PythonFunction("schema", args(resource_name="schema"))
            invocation = pulumi.CustomResource("aws:lambda/invocation:Invocation", "migration", {"f": schema.name})
            PythonFunction("worker", args(depends_on=[invocation]))

        assert register(make).depends("worker-function", "migration")


class TestAlias:
    def test_callers_use_what_was_published(self, register: Any) -> None:
        seen: dict[str, Any] = {}

        def make() -> None:
            function = PythonFunction("worker", args(alias="live"))
            for field in ("name", "qualifier", "arn", "invoke_arn"):
                getattr(function, field).apply(lambda value, field=field: seen.update({field: value}))

        graph = register(make)
        assert graph.counts == PLAIN | {"Alias": 1}
        assert graph.one("Function").inputs["publish"] is True
        alias = graph.one("Alias")
        assert alias.inputs["name"] == "live"
        assert set(alias.property_dependencies["functionVersion"]) == {graph.one("Function").urn}
        assert (seen["name"], seen["qualifier"]) == ("episode-metadata-worker-dev", "live")
        # The alias's, and not the function's, which have no alias in them.
        assert seen["arn"] == graph.output("worker-alias", "arn")
        assert seen["invoke_arn"] == graph.output("worker-alias", "invokeArn")

    def test_without_one_callers_use_the_function(self, register: Any) -> None:
        functions = []
        graph = register(lambda: functions.append(PythonFunction("worker", args())))
        assert "publish" not in graph.one("Function").inputs
        assert functions[0].qualifier is None


class TestArgs:
    def test_sdk_variables_that_are_not_lambdas_may_be_set(self) -> None:
        assert args(variables={"AWS_ENDPOINT_URL": "x", "PLATFORM_X": "y"}).variables
