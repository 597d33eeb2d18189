"""A whole program, of every type in the table."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws


def policy(action: str, resource: pulumi.Input[str], service: str = "") -> pulumi.Output[str]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    if service:
        statement["Principal"] = {"Service": service}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


class Network(pulumi.ComponentResource):
    def __init__(self, name: str, log_group: aws.cloudwatch.LogGroup, role: aws.iam.Role) -> None:
        super().__init__("films:index:Network", name)
        child = pulumi.ResourceOptions(parent=self)
        self.vpc = vpc = aws.ec2.Vpc("vpc", cidr_block="10.7.0.0/16", enable_dns_hostnames=True, opts=child)
        aws.ec2.DefaultSecurityGroup("default", vpc_id=vpc.id, opts=child)
        gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id, opts=child)
        zones = aws.get_availability_zones(state="available").names
        self.subnets = [
            aws.ec2.Subnet(
                f"subnet-{i}", vpc_id=vpc.id, cidr_block=f"10.7.{i}.0/24", availability_zone=zones[i], opts=child
            )
            for i in range(2)
        ]
        address = aws.ec2.Eip("address", domain="vpc", opts=child)
        nat = aws.ec2.NatGateway("nat", subnet_id=self.subnets[0].id, allocation_id=address.allocation_id, opts=child)
        public = aws.ec2.RouteTable(
            "public", vpc_id=vpc.id, routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id}], opts=child
        )
        private = aws.ec2.RouteTable("private", vpc_id=vpc.id, opts=child)
        aws.ec2.Route(
            "out", route_table_id=private.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id, opts=child
        )
        aws.ec2.RouteTableAssociation("public", subnet_id=self.subnets[0].id, route_table_id=public.id, opts=child)
        self.database_group = database = aws.ec2.SecurityGroup(
            "database",
            vpc_id=vpc.id,
            ingress=[
                {
                    "protocol": "tcp",
                    "from_port": 22,
                    "to_port": 22,
                    "cidr_blocks": ["10.7.9.0/24"],
                    "description": "bastion",
                }
            ],
            opts=child,
        )
        self.function_group = function = aws.ec2.SecurityGroup("function", vpc_id=vpc.id, opts=child)
        port: dict[str, Any] = {"ip_protocol": "tcp", "from_port": 5432, "to_port": 5432}
        aws.vpc.SecurityGroupIngressRule(
            "database-in",
            security_group_id=database.id,
            referenced_security_group_id=function.id,
            description="from the functions",
            opts=child,
            **port,
        )
        aws.vpc.SecurityGroupEgressRule(
            "function-out", security_group_id=function.id, cidr_ipv4="10.7.0.0/16", opts=child, **port
        )
        aws.ec2.VpcEndpoint(
            "s3", vpc_id=vpc.id, service_name="com.amazonaws.us-east-1.s3", route_table_ids=[private.id], opts=child
        )
        aws.ec2.FlowLog(
            "flows",
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            opts=child,
        )
        self.register_outputs({"vpc_id": vpc.id})


class Bucket(pulumi.ComponentResource):
    def __init__(self, name: str, key: aws.kms.Key) -> None:
        super().__init__("films:index:Bucket", name)
        child = pulumi.ResourceOptions(parent=self)
        logs = aws.s3.Bucket(f"{name}-logs", opts=child)
        self.bucket = it = aws.s3.Bucket(name, bucket="films-storage-dev", tags={"Data": "photos"}, opts=child)
        aws.s3.BucketOwnershipControls(name, bucket=it.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=child)
        aws.s3.BucketVersioning(name, bucket=it.id, versioning_configuration={"status": "Enabled"}, opts=child)
        encryption = {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}
        rule: Any = {"apply_server_side_encryption_by_default": encryption, "bucket_key_enabled": True}
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=it.id,
            rules=[rule],
            opts=child,
        )
        aws.s3.BucketPublicAccessBlock(
            name, bucket=it.id, block_public_acls=True, restrict_public_buckets=True, opts=child
        )
        aws.s3.BucketCorsConfiguration(
            name,
            bucket=it.id,
            cors_rules=[
                {"allowed_methods": ["GET"], "allowed_origins": ["http://localhost:3000"], "max_age_seconds": 3000}
            ],
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=it.id,
            rules=[
                {
                    "id": "age",
                    "status": "Enabled",
                    "filter": {"prefix": "raw/"},
                    "transitions": [{"days": 30, "storage_class": "STANDARD_IA"}],
                    "noncurrent_version_expiration": {"noncurrent_days": 30},
                    "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
                }
            ],
            opts=child,
        )
        logs_policy = aws.s3.BucketPolicy(
            f"{name}-logs",
            bucket=logs.id,
            policy=policy("s3:PutObject", pulumi.Output.concat(logs.arn, "/*"), "logging.s3.amazonaws.com"),
            opts=child,
        )
        aws.s3.BucketLogging(
            name,
            bucket=it.id,
            target_bucket=logs.id,
            target_prefix="access/",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs_policy]),
        )


def films() -> None:
    key = aws.kms.Key("films", enable_key_rotation=True, deletion_window_in_days=7)
    aws.kms.Alias("films", target_key_id=key.id)
    log_group = aws.cloudwatch.LogGroup("films", retention_in_days=14)
    trust = policy("sts:AssumeRole", "*", "lambda.amazonaws.com").apply(_without_resource)
    role = aws.iam.Role("worker", assume_role_policy=trust)
    network = Network("network", log_group, role)
    bucket = Bucket("storage", key)
    dead = aws.sqs.Queue("dead", message_retention_seconds=1209600)
    redrive = pulumi.Output.json_dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 3})
    queue = aws.sqs.Queue("work", visibility_timeout_seconds=180, receive_wait_time_seconds=20)
    aws.sqs.RedrivePolicy("work", queue_url=queue.url, redrive_policy=redrive)
    allowed = pulumi.Output.json_dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]})
    aws.sqs.RedriveAllowPolicy("dead", queue_url=dead.url, redrive_allow_policy=allowed)
    may_send = aws.sqs.QueuePolicy(
        "work", queue_url=queue.url, policy=policy("sqs:SendMessage", queue.arn, "s3.amazonaws.com")
    )
    aws.s3.BucketNotification(
        "raw",
        bucket=bucket.bucket.id,
        queues=[{"queue_arn": queue.arn, "events": ["s3:ObjectCreated:*"], "filter_prefix": "raw/"}],
        opts=pulumi.ResourceOptions(depends_on=[may_send]),
    )
    guarded = aws.sqs.Queue("guarded")
    aws.sqs.QueuePolicy(
        "guarded", queue_url=guarded.url, policy=policy("sqs:SendMessage", guarded.arn, "sns.amazonaws.com")
    )
    aws.iam.RolePolicy("worker", role=role.id, policy=policy("sqs:ReceiveMessage", queue.arn))
    shared = aws.iam.Policy("shared", policy=policy("kms:Decrypt", key.arn))
    aws.iam.RolePolicyAttachment("shared", role=role.name, policy_arn=shared.arn)
    function = aws.lambda_.Function(
        "worker",
        runtime="python3.12",
        handler="worker.handler",
        role=role.arn,
        code=pulumi.AssetArchive({"worker.py": pulumi.StringAsset("def handler(event, context): ...")}),
        memory_size=1024,
        timeout=60,
        environment={"variables": {"BUCKET": bucket.bucket.bucket}},
        reserved_concurrent_executions=5,
        vpc_config={
            "subnet_ids": [subnet.id for subnet in network.subnets],
            "security_group_ids": [network.function_group.id],
        },
    )
    aws.lambda_.Alias("live", function_name=function.name, function_version="$LATEST")
    aws.lambda_.EventSourceMapping(
        "work",
        event_source_arn=queue.arn,
        function_name=function.arn,
        batch_size=10,
        maximum_batching_window_in_seconds=1,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config={"maximum_concurrency": 2},
    )
    invoked = aws.lambda_.Invocation("migrate", function_name=function.name, input="{}", triggers={"head": "0001"})
    pool = aws.cognito.UserPool("users", password_policy={"minimum_length": 12, "require_numbers": True})
    client = aws.cognito.UserPoolClient("web", user_pool_id=pool.id, explicit_auth_flows=["ALLOW_USER_SRP_AUTH"])
    for precedence, group in enumerate(("admin", "editor", "viewer")):
        aws.cognito.UserGroup(group, name=group, user_pool_id=pool.id, precedence=precedence)
    subnet_group = aws.rds.SubnetGroup("data", subnet_ids=[subnet.id for subnet in network.subnets])
    parameters = aws.rds.ParameterGroup(
        "data", family="postgres18", parameters=[{"name": "rds.force_ssl", "value": "1"}]
    )
    database = aws.rds.Instance(
        "data",
        engine="postgres",
        instance_class="db.t4g.micro",
        allocated_storage=20,
        db_name="films",
        username="master",
        manage_master_user_password=True,
        db_subnet_group_name=subnet_group.name,
        parameter_group_name=parameters.name,
        vpc_security_group_ids=[network.database_group.id],
        skip_final_snapshot=True,
    )
    secret = aws.secretsmanager.Secret("api", name="films/api", recovery_window_in_days=0)
    aws.secretsmanager.SecretVersion("api", secret_id=secret.id, secret_string=pulumi.Output.secret("hunter2hunter2"))
    aws.secretsmanager.SecretPolicy(
        "api", secret_arn=secret.arn, policy=policy("secretsmanager:GetSecretValue", "*", "lambda.amazonaws.com")
    )
    topic = aws.sns.Topic("alarms", display_name="Alarms")
    aws.cloudwatch.MetricAlarm(
        "dead",
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        comparison_operator="GreaterThanThreshold",
        threshold=0,
        evaluation_periods=1,
        period=60,
        statistic="Maximum",
        dimensions={"QueueName": dead.name},
        alarm_actions=[topic.arn],
    )
    aws.ssm.Parameter("release", name="/films/release", type="String", value="1.0.0")
    api = aws.apigatewayv2.Api("api", protocol_type="HTTP")
    integration = aws.apigatewayv2.Integration(
        "api",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=function.invoke_arn,
        payload_format_version="2.0",
        timeout_milliseconds=10000,
    )
    target = pulumi.Output.concat("integrations/", integration.id)
    aws.apigatewayv2.Route("api", api_id=api.id, route_key="$default", target=target)
    stage = aws.apigatewayv2.Stage("api", api_id=api.id, name="$default", auto_deploy=True)
    aws.lambda_.Permission(
        "api",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/*/*"),
    )
    schedule_group = aws.scheduler.ScheduleGroup("nightly")
    aws.scheduler.Schedule(
        "nightly",
        group_name=schedule_group.name,
        schedule_expression="cron(0 3 * * ? *)",
        flexible_time_window={"mode": "OFF"},
        target={"arn": function.arn, "role_arn": role.arn, "input": "{}"},
    )
    for name, value in {
        "queue": queue.url,
        "guarded": guarded.url,
        "dead": dead.url,
        "dead_arn": dead.arn,
        "role": role.name,
        "function": function.name,
        "vpc": network.vpc.id,
        "default_group": network.vpc.default_security_group_id,
        "pool": pool.id,
        "client": client.id,
        "api": api.id,
        "invoke_url": stage.invoke_url,
        "database": database.identifier,
        "migrated": invoked.result,
        "address": database.address,
        "key": key.key_id,
        "log_group": log_group.name,
        "database_group": network.database_group.id,
        "function_group": network.function_group.id,
        "tags": queue.tags_all,
    }.items():
        pulumi.export(name, value)


def _without_resource(text: str) -> str:
    document = json.loads(text)
    del document["Statement"][0]["Resource"]
    return json.dumps(document)
