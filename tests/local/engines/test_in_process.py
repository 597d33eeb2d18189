"""Programs that are applied in this process: results and failure messages."""

import gc
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import LocalPlatformError, ProgramError
from local.provider.protocol import AppliedResource, Registration
from local.provider.provider import LocalProvider

Program = Callable[[], object]
EMPTY: dict[str, str] = {}
POOL = "aws:cognito/userPool:UserPool"


class Group(pulumi.ComponentResource):
    """A component that contains another one with a queue."""

    def __init__(self, name: str, /, depth: int = 1, opts: pulumi.ResourceOptions | None = None, **queue: Any) -> None:
        super().__init__(f"tests:index:Level{depth}", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.queue: aws.sqs.Queue
        if depth > 1:
            self.queue = Group(f"{name}-inner", depth - 1, child, **queue).queue
        else:
            self.queue = aws.sqs.Queue(f"{name}-queue", opts=child, **queue)
        self.register_outputs({})


def run(program: Program, provider: LocalProvider, **options: Any) -> Deployment:
    def call() -> None:
        program()

    return deploy(call, **{"project": "films", "stack": "dev", "config": {}, "provider": provider, **options})


def failure(program: Program, provider: LocalProvider, **options: Any) -> str:
    with pytest.raises(ProgramError) as caught:
        run(program, provider, **options)
    return caught.value.message


@pytest.fixture
def silence(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], bool]:
    """Return whether nothing was printed, and nothing logged that would be printed."""
    return lambda: "".join(capfd.readouterr()) == "" and not [r for r in caplog.records if r.levelno > logging.INFO]


class TestDeployment:
    def test_urns_contain_all_parent_types(self, provider: LocalProvider) -> None:
        deployment = run(lambda: Group("outer", depth=2), provider)
        (queue,) = deployment.resources
        assert queue.urn == (
            "urn:pulumi:dev::films::tests:index:Level2$tests:index:Level1$aws:sqs/queue:Queue::outer-inner-queue"
        )
        assert [component.name for component in deployment.components] == ["outer", "outer-inner"]
        assert queue.parent == deployment.components[1].urn

    def test_config_values_are_read_like_with_the_engine(self, provider: LocalProvider) -> None:
        def program() -> None:
            config = pulumi.Config()
            pulumi.export("sizes", config.require_object("settings")["sizes"])
            pulumi.export("same", pulumi.Config("films").require("plain"))
            pulumi.export("stack", f"{pulumi.get_project()}/{pulumi.get_stack()}")

        config = {"films:settings": json.dumps({"sizes": [1, 2]}), "films:plain": "text"}
        deployment = run(program, provider, config=config)
        assert deployment.outputs == {"sizes": [1, 2], "same": "text", "stack": "films/dev"}

    def test_second_run_has_no_state_of_first(self, account: LocalAccount) -> None:
        def program() -> None:
            pulumi.export("name", aws.sqs.Queue("again").name)

        names = [run(program, LocalProvider(account, {}), stack=stack).outputs["name"] for stack in ("first", "second")]
        assert names[0] != names[1]

    def test_on_resource_is_called_once_per_resource(self, provider: LocalProvider) -> None:
        reported: list[AppliedResource] = []
        deployment = run(lambda: [Group(f"group-{i}") for i in range(5)], provider, on_resource=reported.append)
        assert sorted(reported, key=lambda each: each.urn) == sorted(deployment.resources, key=lambda each: each.urn)
        assert len(reported) == 5

    def test_explicit_provider_sets_region_and_tags(self, provider: LocalProvider) -> None:
        def program() -> None:
            far = aws.Provider("far", region="eu-west-1", default_tags={"tags": {"Owner": "films"}})
            inside = Group("there", opts=pulumi.ResourceOptions(providers=[far]), tags={"Kind": "work"})
            pulumi.export("arn", inside.queue.arn)
            pulumi.export("tags", inside.queue.tags_all)
            pulumi.export("zone", aws.get_region_output(opts=pulumi.InvokeOptions(provider=far)).region)
            pulumi.export("near", aws.sqs.Queue("near").tags_all)

        deployment = run(program, provider, config={"aws:defaultTags": json.dumps({"tags": {"Owner": "all"}})})
        assert deployment.outputs["arn"].startswith("arn:aws:sqs:eu-west-1:")
        assert deployment.outputs["tags"] == {"Owner": "films", "Kind": "work"}
        assert (deployment.outputs["zone"], deployment.outputs["near"]) == ("eu-west-1", {"Owner": "all"})

    def test_secrets_remain_secret(self, provider: LocalProvider, account: LocalAccount) -> None:
        def program() -> None:
            text = pulumi.Output.secret("correct horse battery")
            parameter = aws.ssm.Parameter("password", name="/secret", type="SecureString", value=text)
            pulumi.export("password", parameter.value)
            pulumi.export("upper", parameter.value.apply(str.upper))
            pulumi.export("name", parameter.name)

        deployment = run(program, provider)
        assert deployment.outputs["password"] == "correct horse battery"
        assert deployment.secret_outputs == {"password", "upper"}
        assert "horse" not in repr(deployment)

    def test_resource_as_input_is_its_id(self, provider: LocalProvider) -> None:
        def program() -> None:
            vpc = aws.ec2.Vpc("net", cidr_block="10.9.0.0/16")
            resource: Any = vpc  # the SDK accepts a resource for an id; its annotations do not say so
            pulumi.export("actual", aws.ec2.Subnet("sub", vpc_id=resource, cidr_block="10.9.1.0/24").vpc_id)
            pulumi.export("expected", vpc.id)

        outputs = run(program, provider).outputs
        assert outputs["actual"] == outputs["expected"]


class TestFailures:
    def test_invalid_default_tags_are_rejected(self, provider: LocalProvider) -> None:
        with pytest.raises(LocalPlatformError, match="aws:defaultTags must be a JSON object"):
            run(lambda: None, provider, config={"aws:defaultTags": "Owner=films"})

    def test_failed_resource_is_named_by_path_and_dependents_are_skipped(
        self, provider: LocalProvider, account: LocalAccount, silence: Callable[[], bool]
    ) -> None:
        def program() -> None:
            bad = Group("outer", depth=2, name="no-ending", fifo_queue=True)
            aws.sqs.QueuePolicy("needs-it", queue_url=bad.queue.url, policy="{}")
            later = aws.sqs.Queue("later", name="never-tried", opts=pulumi.ResourceOptions(depends_on=[bad]))
            aws.sqs.RedrivePolicy("and-so-on", queue_url=later.url, redrive_policy="{}")
            aws.sqs.Queue("free", name="tried-all-the-same")

        message = failure(program, provider)
        first, rest = message.split("\n")
        assert first.startswith("outer/outer-inner/outer-inner-queue (aws:sqs/queue:Queue): sqs.create_queue: ")
        assert rest == "(3 dependent resources were skipped)"
        sqs = account.client("sqs")
        assert not sqs.list_queues(QueueNamePrefix="never-tried").get("QueueUrls")
        assert sqs.list_queues(QueueNamePrefix="tried-all-the-same").get("QueueUrls")
        assert silence()

    def test_each_failure_has_one_line(self, provider: LocalProvider) -> None:
        def program() -> None:
            aws.cloudwatch.LogGroup("first", name="no spaces")
            aws.ec2.Vpc("second", cidr_block="10.0.0.0/99")

        lines = failure(program, provider).split("\n")
        assert lines[0] == "2 problems:"
        first, second = sorted(lines[1:])
        assert first.startswith("- first (aws:cloudwatch/logGroup:LogGroup): name: logs.create_log_group")
        assert second.startswith("- second (aws:ec2/vpc:Vpc): ec2.create_vpc: InvalidParameterValue")

    def test_exception_of_program_is_reported(self, provider: LocalProvider, silence: Callable[[], bool]) -> None:
        def program() -> None:
            aws.sqs.Queue("before")
            raise ValueError("upload_megabytes must be at most 500")

        assert failure(program, provider) == "the program failed: ValueError: upload_megabytes must be at most 500"
        assert silence()

    def test_exceptions_of_program_and_callback_are_reported(self, provider: LocalProvider) -> None:
        async def broken() -> str:
            raise KeyError("a consequence")

        def program() -> None:
            pulumi.export("broken", pulumi.Output.from_input(broken()))
            raise ValueError("the cause")

        assert failure(program, provider) == "the program failed: ValueError: the cause"

    def test_exception_of_callback_is_reported(self, provider: LocalProvider, silence: Callable[[], bool]) -> None:
        def program() -> None:
            aws.sqs.Queue("q").name.apply(lambda name: EMPTY[name])

        assert failure(program, provider).startswith("the program failed: KeyError: 'q-")
        assert silence()

    def test_earlier_failures_are_not_reported_again(
        self, account: LocalAccount, provider: LocalProvider, silence: Callable[[], bool]
    ) -> None:
        def broken() -> None:
            names = [aws.sqs.Queue(f"broken-{i}").name for i in range(4)]
            for name in names:
                name.apply(lambda text: EMPTY[text]).apply(str.upper)

        assert failure(broken, provider).startswith("the program failed: KeyError: 'broken-")
        assert run(lambda: pulumi.export("good", 1), LocalProvider(account, {})).outputs == {"good": 1}
        gc.collect()
        assert silence()

    def test_exit_of_program_is_reported(self, provider: LocalProvider) -> None:
        def program() -> None:
            raise SystemExit(3)

        assert failure(program, provider) == "the program failed: SystemExit: 3"

    def test_secret_is_redacted_in_failure(self, provider: LocalProvider) -> None:
        def program() -> None:
            aws.cloudwatch.LogGroup("leak", name=pulumi.Output.secret("hunter2 hunter2"))

        message = failure(program, provider)
        assert "hunter2" not in message
        assert "[secret]" in message

    def test_secret_is_redacted_in_exception_of_program(self, provider: LocalProvider) -> None:
        def program() -> None:
            secret = aws.ssm.Parameter("p", type="SecureString", value=pulumi.Output.secret("hunter2 hunter2")).value
            secret.apply(lambda text: EMPTY[text])

        assert failure(program, provider) == "the program failed: KeyError: '[secret]'"

    def test_exception_of_runner_is_one_line(self, account: LocalAccount, silence: Callable[[], bool]) -> None:
        def broken(_: Registration) -> dict[str, Any]:
            raise ZeroDivisionError("division by zero")

        message = failure(lambda: aws.cognito.UserPool("users"), LocalProvider(account, {POOL: broken}))
        assert message == f"users ({POOL}): ZeroDivisionError: division by zero"
        assert silence()

    def test_duplicate_name_is_rejected(self, provider: LocalProvider) -> None:
        message = failure(lambda: [aws.sqs.Queue("twin") for _ in range(2)], provider)
        assert message == "twin (aws:sqs/queue:Queue): is registered twice under this name"
        twins = failure(lambda: [pulumi.ComponentResource("tests:index:Twin", "twin") for _ in range(2)], provider)
        assert twins == "twin (tests:index:Twin): is registered twice under this name"

    def test_unknown_data_source_is_reported(self, provider: LocalProvider) -> None:
        message = failure(lambda: aws.ec2.get_ami(owners=["self"]), provider)
        assert "aws:ec2/getAmi:getAmi: unsupported data source" in message

    @pytest.mark.parametrize(
        ("program", "problem"),
        [
            (lambda: aws.sqs.Queue.get("old", "url"), "reading existing resources is not supported locally"),
            (
                lambda: aws.sqs.Queue("old", opts=pulumi.ResourceOptions(import_="url")),
                "imports are not supported locally",
            ),
            (
                lambda: pulumi.runtime.register_resource_transform(lambda _: None),
                "transforms are not supported locally",
            ),
        ],
    )
    def test_unsupported_features_are_rejected_by_name(
        self, provider: LocalProvider, program: Program, problem: str
    ) -> None:
        assert problem in failure(program, provider)

    def test_concurrent_evaluation_is_rejected(self, provider: LocalProvider, account: LocalAccount) -> None:
        started, go_on = threading.Event(), threading.Event()

        def slow() -> None:
            started.set()
            assert go_on.wait(30)

        first = threading.Thread(target=run, args=(slow, provider))
        first.start()
        assert started.wait(30)
        try:
            with pytest.raises(LocalPlatformError, match="only one can run at a time"):
                run(lambda: None, LocalProvider(account, {}))
        finally:
            go_on.set()
            first.join()
        assert run(lambda: pulumi.export("free", True), provider).outputs == {"free": True}
