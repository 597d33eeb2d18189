"""The work queue component with a key, read back from the emulator."""

import pulumi

from components.naming import Naming
from components.work_queue import WorkQueue, WorkQueueArgs
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.provider.provider import LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs


def program() -> None:
    under_key = {"kms_master_key_id": "alias/kept", "sqs_managed_sse_enabled": None}
    queue = WorkQueue(
        "work",
        WorkQueueArgs(naming=Naming("keyed", "dev"), resource_name="work", visibility_timeout_seconds=60),
        with_inputs({"work-queue": under_key, "work-dead-letters": under_key}),
    )
    pulumi.export("queue", queue.url)
    pulumi.export("dead_letters", queue.dead_letter_url)


class TestWorkQueue:
    def test_both_queues_are_encrypted_with_key(self, account: LocalAccount) -> None:
        deployment = deploy(program, project="kept", stack="dev", config={}, provider=LocalProvider(account, {}))
        assert {each.state for each in deployment.resources} == {"applied"}
        for url in (deployment.outputs["queue"], deployment.outputs["dead_letters"]):
            attributes = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            assert attributes["KmsMasterKeyId"] == "alias/kept"
