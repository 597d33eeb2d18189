"""What every role and every resource policy allows."""

import json

import pytest

# AWS defines these actions for no narrower resource.
ANY_RESOURCE = {"AttachToNetwork", "KeepNetworkCallsFromCode"}

OWN = {
    "WriteOwnLogs": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "AttachToNetwork": {
        "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
    },
}  # fmt: skip
READ_SECRET = {"secretsmanager:GetSecretValue"}
ALLOWED = {
    "api": OWN
    | {
        "ReadDatabaseSecret": READ_SECRET,
        "SignAndVerifyUploads": {"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"},
        "StoreOriginals": {"s3:PutObject", "s3:GetObject"},
        "SignDownloads": {"s3:GetObject"},
        "SeeMissingObjects": {"s3:ListBucket"},
    },
    "thumbnail-generator": OWN
    | {
        "ReadDatabaseSecret": READ_SECRET,
        "ConsumeQueue": {
            "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
        },
        "ReadOriginals": {"s3:GetObject", "s3:GetObjectVersion"},
        "SeeMissingObjects": {"s3:ListBucket"},
        "WriteThumbnails": {"s3:PutObject"},
    },
    "maintenance": OWN
    | {
        "ReadDatabaseSecret": READ_SECRET,
        "ReadUploads": {"s3:GetObject", "s3:GetObjectVersion"},
        "StoreOriginals": {"s3:PutObject"},
        "SeeMissingObjects": {"s3:ListBucket"},
    },
    "migrate": OWN
    | {
        "ReadMasterSecret": READ_SECRET,
        "KeepDatabaseSecret": READ_SECRET | {"secretsmanager:PutSecretValue"},
    },
}  # fmt: skip
APPLICATION_SECRET, MASTER_SECRET = "PLATFORM_DATABASE_SECRET_ARN", "PLATFORM_DATABASE_MASTER_SECRET_ARN"


def resources(function, environment, variables):
    """The resources of each statement. Secrets are those that the function's own variables name, and no others."""
    buckets = {
        thing: f"arn:aws:s3:::episode-metadata-{thing}-{environment}" for thing in ("storage", "temp", "thumbnails")
    }
    arn = f"arn:aws:{{}}:us-east-1:123456789012:{{}}episode-metadata-{{}}-{environment}{{}}"
    by_function = {
        "api": {
            "ReadDatabaseSecret": {variables[APPLICATION_SECRET]},
            "SignAndVerifyUploads": {f"{buckets['temp']}/uploads/*"},
            "StoreOriginals": {f"{buckets['storage']}/raw/*"},
            "SignDownloads": {f"{buckets['thumbnails']}/*"},
            "SeeMissingObjects": set(buckets.values()),
        },
        "thumbnail-generator": {
            "ReadDatabaseSecret": {variables[APPLICATION_SECRET]},
            "ConsumeQueue": {arn.format("sqs", "", "thumbnail-queue", "")},
            "ReadOriginals": {f"{buckets['storage']}/raw/*"},
            "SeeMissingObjects": {buckets["storage"]},
            "WriteThumbnails": {f"{buckets['thumbnails']}/*"},
        },
        "maintenance": {
            "ReadDatabaseSecret": {variables[APPLICATION_SECRET]},
            "ReadUploads": {f"{buckets['temp']}/uploads/*"},
            "StoreOriginals": {f"{buckets['storage']}/raw/*"},
            "SeeMissingObjects": {buckets["temp"]},
        },
        "migrate": {
            "ReadMasterSecret": {variables.get(MASTER_SECRET)},
            "KeepDatabaseSecret": {variables[APPLICATION_SECRET]},
        },
    }
    return by_function[function] | {
        "WriteOwnLogs": {arn.format("logs", "log-group:/aws/lambda/", function, ":*")},
        "AttachToNetwork": {"*"},
    }


def statements(resource, field="policy"):
    return json.loads(resource.inputs[field])["Statement"]


def listed(value):
    return value if isinstance(value, list) else [value]


class TestRoles:
    @pytest.mark.requirement("P2-09")
    def test_every_function_has_a_role_of_its_own(self, graph_of, environment):
        graph = graph_of(environment)
        roles = [function.property_dependencies["role"] for function in graph.of("Function")]
        assert len(set(roles)) == len(roles) == 4
        services = {"maintenance-schedule-role"} | ({"network-flow-log-role"} if environment != "dev" else set())
        assert {role.name for role in graph.of("Role")} == {f"{name}-role" for name in ALLOWED} | services

    @pytest.mark.requirement("P2-09", "ROAD-120", "C-34")
    @pytest.mark.parametrize("function", sorted(ALLOWED))
    def test_role_allows_exactly_this(self, graph_of, environment, function):
        graph = graph_of(environment)
        found = [each for each in statements(graph.named(f"{function}-policy")) if each["Effect"] == "Allow"]
        assert {each["Sid"]: set(each["Action"]) for each in found} == ALLOWED[function]
        named = {each["Sid"]: set(each["Resource"]) for each in found}
        assert named == resources(function, environment, graph.variables(function))

    def test_no_wildcard_but_where_aws_has_nothing_narrower(self, graph_of, environment):
        for policy in graph_of(environment).of("RolePolicy"):
            for statement in statements(policy):
                assert not [action for action in statement["Action"] if "*" in action], statement["Sid"]
                wide = [resource for resource in statement["Resource"] if resource == "*"]
                assert not wide or statement["Sid"] in ANY_RESOURCE, statement["Sid"]

    def test_code_is_denied_what_only_the_service_needs(self, graph_of, environment):
        for function in ALLOWED:
            (denied,) = [
                each
                for each in statements(graph_of(environment).named(f"{function}-policy"))
                if each["Effect"] == "Deny"
            ]
            assert set(denied["Action"]) == OWN["AttachToNetwork"]
            (source,) = denied["Condition"]["ArnEquals"].values()
            assert source.endswith(f":function:episode-metadata-{function}-{environment}")


class TestResourcePolicies:
    def test_anyone_is_only_ever_denied(self, graph_of, environment):
        graph = graph_of(environment)
        for resource in [*graph.of("BucketPolicy"), *graph.of("QueuePolicy")]:
            for statement in statements(resource):
                if statement["Effect"] == "Allow":
                    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
                    assert statement["Condition"].keys() == {"ArnEquals", "StringEquals"}
                else:
                    assert statement["Principal"] == "*"
                    assert statement["Condition"]

    @pytest.mark.requirement("P2-09", "C-33")
    def test_the_storage_bucket_alone_may_send(self, graph_of, environment):
        graph = graph_of(environment)
        allowed = [
            (policy.name, each)
            for policy in graph.of("QueuePolicy")
            for each in statements(policy)
            if each["Effect"] == "Allow"
        ]
        ((name, statement),) = allowed
        assert name == "thumbnail-queue-policy"
        assert statement["Action"] == ["sqs:SendMessage"]
        assert statement["Condition"] == {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::episode-metadata-storage-{environment}"},
            "StringEquals": {"aws:SourceAccount": "123456789012"},
        }

    def test_every_bucket_and_queue_refuses_plain_transport(self, graph_of, environment):
        graph = graph_of(environment)
        for resource in [*graph.of("BucketPolicy"), *graph.of("QueuePolicy")]:
            assert "RefusePlainTransport" in {each["Sid"] for each in statements(resource)}
        assert len(graph.of("BucketPolicy")) == len(graph.of("Bucket")) == 3
        assert len(graph.of("QueuePolicy")) == len(graph.of("Queue")) == 2

    def test_services_are_named_and_bound(self, graph_of, environment):
        for role in graph_of(environment).of("Role"):
            (trust,) = statements(role, "assumeRolePolicy")
            assert listed(trust["Action"]) == ["sts:AssumeRole"]
            assert trust["Principal"].keys() == {"Service"}
            if trust["Principal"]["Service"] != "lambda.amazonaws.com":
                assert trust["Condition"]["StringEquals"].keys() == {"aws:SourceAccount"}


class TestSecrets:
    @pytest.mark.requirement("A-10", "ROAD-43", "ROAD-45")
    def test_no_password_stands_in_the_graph(self, graph_of, environment):
        graph = graph_of(environment)
        assert graph.named("database-instance").inputs["manageMasterUserPassword"] is True
        assert "password" not in graph.named("database-instance").inputs
        values = {each.name: each.inputs["secretString"] for each in graph.of("SecretVersion")}
        assert {name: set(json.loads(value)) for name, value in values.items()} == {
            "cognito-secret-value": {"user_pool_id", "client_id"}
        }

    def test_deleted_secrets_come_back_where_data_is_protected(self, graph_of, environment):
        days = {each.inputs["recoveryWindowInDays"] for each in graph_of(environment).of("Secret")}
        assert days == ({30} if environment == "production" else {0})
