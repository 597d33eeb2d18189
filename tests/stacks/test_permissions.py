"""What every role may do, and who takes it on: each statement of each, exactly."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph

ACCOUNT = "123456789012"
SECRET = "secretsmanager:GetSecretValue"
NETWORK_INTERFACES = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
]  # fmt: skip
# AWS defines these for no narrower resource.
ANY_RESOURCE = {"AttachToNetwork", "KeepNetworkCallsFromCode", "LogInToRegistry"}


def allow(*actions: Any, on: Any, **condition: Any) -> Any:
    found = {"Effect": "Allow", "Action": sorted(actions), "Resource": sorted([on] if isinstance(on, str) else on)}
    return found | ({"Condition": condition} if condition else {})


def arn(service: Any, resource: Any) -> Any:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


class Rights:
    """What the roles of one environment are to be allowed, by the names of their policies and of the statements."""

    def __init__(self, graph: Graph, environment: str) -> None:
        self.environment, self.keyed = environment, bool(graph.of("Key"))
        self.database_secret = graph.named("outputs-database-secret-arn").inputs["value"]
        self.master_secret = graph.variables("migrate")["PLATFORM_DATABASE_MASTER_SECRET_ARN"]
        self.data_key = graph.named("database-instance").inputs.get("kmsKeyId")

    def bucket(self, thing: Any, objects: Any = "") -> Any:
        return f"arn:aws:s3:::episode-metadata-{thing}-{self.environment}{objects}"

    def physical(self, thing: Any) -> Any:
        return f"episode-metadata-{thing}-{self.environment}"

    def log(self, prefix: Any, thing: Any) -> Any:
        group = arn("logs", f"log-group:{prefix}{self.physical(thing)}:*")
        return {"WriteOwnLogs": allow("logs:CreateLogStream", "logs:PutLogEvents", on=group)}

    def function(self, thing: Any) -> Any:
        """What every function may do: write its log and stand in its network."""
        attach = allow(*NETWORK_INTERFACES, on="*")
        from_code = {"lambda:SourceFunctionArn": arn("lambda", f"function:{self.physical(thing)}")}
        return self.log("/aws/lambda/", thing) | {
            "AttachToNetwork": attach,
            "KeepNetworkCallsFromCode": attach | {"Effect": "Deny", "Condition": {"ArnEquals": from_code}},
        }

    def secrets_key(self, *actions: Any) -> Any:
        through = {"kms:ViaService": "secretsmanager.*.amazonaws.com"}
        return {"UseSecretsKey": allow(*actions, on=self.data_key, StringLike=through)} if self.keyed else {}

    def find_search(self) -> Any:
        if self.environment == "dev":
            return {}
        parameter = arn("ssm", f"parameter/episode-metadata/{self.environment}/search_endpoint")
        return {"FindSearchDomain": allow("ssm:GetParameter", on=parameter)}

    def api(self) -> Any:
        return (
            self.secrets_key("kms:Decrypt")
            | self.find_search()
            | {
                "ReadDatabaseSecret": allow(SECRET, on=self.database_secret),
                "SignAndVerifyUploads": allow(
                    "s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", on=self.bucket("temp", "/uploads/*")
                ),
                "StoreOriginals": allow("s3:PutObject", "s3:GetObject", on=self.bucket("storage", "/raw/*")),
                "SignDownloads": allow("s3:GetObject", on=self.bucket("thumbnails", "/*")),
                "RemoveThumbnails": allow("s3:DeleteObject", on=self.bucket("thumbnails", "/*")),
                "SeeMissingObjects": allow(
                    "s3:ListBucket", on=[self.bucket(thing) for thing in ("storage", "temp", "thumbnails")]
                ),
            }
        )

    def thumbnails(self) -> Any:
        queue = arn("sqs", self.physical("thumbnail-queue"))
        consume = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes")
        return self.secrets_key("kms:Decrypt") | {
            "ReadDatabaseSecret": allow(SECRET, on=self.database_secret),
            "ConsumeQueue": allow(*(f"sqs:{action}" for action in consume), on=queue),
            "ReadOriginals": allow("s3:GetObject", "s3:GetObjectVersion", on=self.bucket("storage", "/raw/*")),
            "SeeMissingObjects": allow("s3:ListBucket", on=self.bucket("storage")),
            "WriteThumbnails": allow("s3:PutObject", on=self.bucket("thumbnails", "/*")),
        }

    def maintenance(self) -> Any:
        return (
            self.secrets_key("kms:Decrypt")
            | self.find_search()
            | {
                "ReadDatabaseSecret": allow(SECRET, on=self.database_secret),
                "ReadUploads": allow("s3:GetObject", "s3:GetObjectVersion", on=self.bucket("temp", "/uploads/*")),
                "StoreOriginals": allow("s3:PutObject", "s3:GetObject", on=self.bucket("storage", "/raw/*")),
                "RemoveThumbnails": allow("s3:DeleteObject", on=self.bucket("thumbnails", "/*")),
                "SeeMissingObjects": allow("s3:ListBucket", on=[self.bucket("temp"), self.bucket("storage")]),
            }
        )

    def migrate(self) -> Any:
        return (
            self.secrets_key("kms:Decrypt", "kms:GenerateDataKey")
            | self.find_search()
            | {
                "ReadMasterSecret": allow(SECRET, on=self.master_secret),
                "KeepDatabaseSecret": allow(SECRET, "secretsmanager:PutSecretValue", on=self.database_secret),
            }
        )

    def execution(self) -> Any:
        """What ECS does to start the container: it has no secret to hand over."""
        layers = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        return self.log("/ecs/", "api") | {
            "LogInToRegistry": allow("ecr:GetAuthorizationToken", on="*"),
            "PullImage": allow(*layers, on=arn("ecr", "repository/episode-metadata-api")),
        }

    def schedule(self) -> Any:
        return {
            "InvokeOneFunction": allow(
                "lambda:InvokeFunction", on=arn("lambda", f"function:{self.physical('maintenance')}:live")
            )
        }

    def flow_log(self) -> Any:
        streams = arn("logs", f"log-group:/aws/vpc/{self.physical('flow-log')}:*")
        return self.log("/aws/vpc/", "flow-log") | {"FindLogStreams": allow("logs:DescribeLogStreams", on=streams)}

    def monitoring(self) -> Any:
        write = ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents")
        return {
            "KeepGroup": allow("logs:CreateLogGroup", "logs:PutRetentionPolicy", on=arn("logs", "log-group:RDS*")),
            "WriteMeasurements": allow(*write, on=arn("logs", "log-group:RDS*:log-stream:*")),
        }

    def scan(self) -> Any:
        """AWS's own document for GuardDuty, on one bucket."""
        own = {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
        bucket, objects = self.bucket("temp"), self.bucket("temp", "/*")
        rule = arn("events", "rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*")
        manage = ("events:PutRule", "events:DeleteRule", "events:PutTargets", "events:RemoveTargets")
        managed = {"events:ManagedBy": "malware-protection-plan.guardduty.amazonaws.com"}
        tags = [f"s3:{verb}Object{kind}Tagging" for verb in ("Put", "Get") for kind in ("", "Version")]
        notifications = ("s3:PutBucketNotification", "s3:GetBucketNotification")
        probe = self.bucket("temp", "/malware-protection-resource-validation-object")
        return {
            "AllowManagedRuleToSendS3EventsToGuardDuty": allow(*manage, on=rule, StringLike=managed),
            "AllowGuardDutyToMonitorEventBridgeManagedRule": allow(
                "events:DescribeRule", "events:ListTargetsByRule", on=rule
            ),
            "AllowPostScanTag": allow(*tags, on=objects, **own),
            "AllowEnableS3EventBridgeEvents": allow(*notifications, on=bucket, **own),
            "AllowPutValidationObject": allow("s3:PutObject", on=probe, **own),
            "AllowCheckBucketOwnership": allow("s3:ListBucket", on=bucket, **own),
            "AllowMalwareScan": allow("s3:GetObject", "s3:GetObjectVersion", on=objects, **own),
        }

    def everything(self) -> Any:
        found = {
            "migrate-policy": self.function("migrate") | self.migrate(),
            "thumbnail-generator-policy": self.function("thumbnail-generator") | self.thumbnails(),
            "maintenance-policy": self.function("maintenance") | self.maintenance(),
            "maintenance-schedule-policy": self.schedule(),
        }
        if self.environment == "dev":
            return found | {"api-policy": self.function("api") | self.api()}
        found |= {
            "api-task-task-policy": self.api(),
            "api-task-execution-policy": self.execution(),
            "network-flow-log-policy": self.flow_log(),
        }
        if self.environment == "production":
            found |= {"database-monitoring-policy": self.monitoring(), "upload-scan-policy": self.scan()}
        return found


def listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def said(statements: Any) -> Any:
    """Statements by their names, with what is listed in one order."""
    plain = {
        each["Sid"]: {
            key: sorted(value) if key in ("Action", "Resource") else value
            for key, value in each.items()
            if key != "Sid"
        }
        for each in statements
    }
    assert len(plain) == len(statements)
    return plain


# Who takes on each role, and for which things of which account.
TRUSTS = {
    "maintenance-schedule-role": (
        "scheduler",
        {"ArnEquals": arn("scheduler", "schedule-group/episode-metadata-maintenance-{environment}")},
    ),
    "network-flow-log-role": ("vpc-flow-logs", {"ArnLike": arn("ec2", "vpc-flow-log/*")}),
    "api-task-task-role": ("ecs-tasks", {"ArnLike": arn("ecs", "*")}),
    "api-task-execution-role": ("ecs-tasks", {"ArnLike": arn("ecs", "*")}),
    "database-monitoring-role": (
        "monitoring.rds",
        {"StringEquals": arn("rds", "db:episode-metadata-db-production")},
    ),
    "archives-role": ("backup", {}),
    "upload-scan-role": ("malware-protection-plan.guardduty", {}),
}
ROLES = {
    "dev": {"maintenance-schedule-role"},
    "staging": TRUSTS.keys() - {"database-monitoring-role", "archives-role", "upload-scan-role"},
    "production": TRUSTS.keys(),
}


class TestRoles:
    @pytest.mark.requirement("P2-09", "ROAD-120", "C-34", "C-41")
    def test_every_role_is_allowed_exactly_this(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        found = {each.name: said(graph.statements(each.name)) for each in graph.of("RolePolicy")}
        assert found == Rights(graph, environment).everything()

    def test_secrets_that_are_named_are_the_databases(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        assert graph.source(graph.named("outputs-database-secret-arn"), "value") == ["database-secret"]
        named = {graph.variables(each)["PLATFORM_DATABASE_SECRET_ARN"] for each in graph.programs}
        assert named == {graph.named("outputs-database-secret-arn").inputs["value"]}
        migrate = graph.variables("migrate")
        assert migrate["PLATFORM_DATABASE_MASTER_SECRET_ARN"] != migrate["PLATFORM_DATABASE_SECRET_ARN"]
        assert "database-instance" in graph.source(graph.named("migrate-policy"), "policy")

    @pytest.mark.requirement("P2-09", "ROAD-120")
    def test_nobody_shares_a_role(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        taken = [graph.source(function, "role") for function in graph.functions]
        for task in graph.of("TaskDefinition"):
            taken += [graph.source(task, "executionRoleArn"), graph.source(task, "taskRoleArn")]
        taken += [["maintenance-schedule-role"]]
        names = sorted(name for names in taken for name in names)
        functions = [f"{each.name.removesuffix('-function')}-role" for each in graph.functions]
        container = [f"api-task-{role}-role" for role in ("execution", "task")] if graph.container else []
        assert names == sorted([*functions, *container, "maintenance-schedule-role"])

    @pytest.mark.requirement("P2-09")
    def test_one_service_takes_on_each(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        functions = {f"{each.name.removesuffix('-function')}-role" for each in graph.functions}
        assert {each.name for each in graph.of("Role")} == functions | ROLES[environment]
        for role in graph.of("Role"):
            (trust,) = graph.statements(role.name, "assumeRolePolicy")
            assert (trust["Effect"], listed(trust["Action"])) == ("Allow", ["sts:AssumeRole"])
            service, source = TRUSTS.get(role.name, ("lambda", None))
            assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
            # Lambda takes a role on for event source mappings as well, which no condition could name.
            condition = {} if source is None else {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
            for operator, of in (source or {}).items():
                condition.setdefault(operator, {})["aws:SourceArn"] = of.format(environment=environment)
            assert trust.get("Condition", {}) == condition, role.name

    def test_policies_of_aws_are_the_backups_alone(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        attached = {each.name: each.inputs for each in graph_of(environment).of("RolePolicyAttachment")}
        managed = {name: each["policyArn"] for name, each in attached.items()}
        prefix = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"
        of_backups = {"archives-may-backup": f"{prefix}Backup", "archives-may-restores": f"{prefix}Restores"}
        assert managed == (of_backups if environment == "production" else {})
        assert {each["role"] for each in attached.values()} <= {"episode-metadata-backup-role-production"}
        assert not [role.name for role in graph_of(environment).of("Role") if "managedPolicyArns" in role.inputs]

    def test_no_wildcard_but_where_aws_has_nothing_narrower(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        for policy in graph.of("RolePolicy"):
            for statement in graph.statements(policy.name):
                assert not [action for action in statement["Action"] if "*" in action], statement["Sid"]
                wide = [resource for resource in statement["Resource"] if resource == "*"]
                assert not wide or statement["Sid"] in ANY_RESOURCE, statement["Sid"]
