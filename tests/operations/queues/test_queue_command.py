"""`platform queue`, on a platform whose state names the emulator's queues."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from operations.queues import show_queues
from operations.state.files import Credentials, Endpoints, EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command, Pair

NO_QUEUE = "http://127.0.0.1:9/123456789012/nothing"


class TestCommand:
    def test_tables_and_figures(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: "Pair"
    ) -> None:
        files.write(state_of(held_by, pair))
        pair.poison("a", "b")
        shown = command("queue")
        assert shown.code == ExitCode.OK
        assert [line.split() for line in shown.out.splitlines()[1:3]] == [
            [pair.url.rpartition("/")[2], "0", "0", "0", "not", "known", "3", "receives"],
            [pair.dead_letter_url.rpartition("/")[2], "2", "0", "0", "not", "known", "-"],
        ]
        assert shown.out.splitlines()[-1] == "next  platform queue --redrive"
        data = command("queue", "--json").data
        assert data["redrive"] is None
        (one,) = data["queues"]
        assert (one["thing"], one["dead_letters"]["visible"], one["work"]["oldest_seconds"]) == ("thumbnail", 2, None)

    def test_redrive_says_what_it_did_and_what_it_does_not(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: "Pair"
    ) -> None:
        files.write(state_of(held_by, pair))
        pair.poison("a", "b")
        shown = command("queue", "--redrive")
        assert (shown.code, shown.err) == (ExitCode.OK, "")
        assert "thumbnail: 2 of 2 dead letters moved back\n" in shown.out
        assert show_queues.LIMITS in shown.out
        assert command("queue", "--redrive", "--json").data["redrive"] == {
            "thumbnail": {"found": 0, "moved": 0, "problem": ""}
        }

    def test_failed_redrive_is_a_failure(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState], pair: "Pair"
    ) -> None:
        # A queue that takes no message this long refuses the first one that is moved.
        pair.poison("x" * 2_000)
        pair.sqs.set_queue_attributes(QueueUrl=pair.url, Attributes={"MaximumMessageSize": "1024"})
        files.write(state_of(held_by, pair))
        shown = command("queue", "--redrive")
        assert shown.code == ExitCode.FAILED
        assert "the redrive of thumbnail stopped, nothing is lost" in shown.err
        assert shown.err.endswith("  next: platform queue --redrive\n")
        assert pair.count(pair.dead_letter_url) == 1

    def test_account_that_does_not_answer(
        self, command: "Command", files: StateFiles, held_by: Callable[..., EnvironmentState]
    ) -> None:
        outputs = {"thumbnail_queue_url": NO_QUEUE, "thumbnail_dead_letter_queue_url": NO_QUEUE}
        files.write(held_by(ProcessIdentity.current(), outputs=outputs))
        answer = command("queue", "--json")
        assert answer.code == ExitCode.FAILED
        assert "do not answer at http://127.0.0.1:9" in answer.data["error"]["message"]
        assert answer.data["error"]["next"] == "platform status"


def state_of(held_by: Callable[..., EnvironmentState], pair: "Pair") -> EnvironmentState:
    account, aws = pair.account, pair.account.endpoint
    return held_by(
        ProcessIdentity.current(),
        outputs=pair.outputs,
        endpoints=Endpoints(api=aws, docs=aws, aws=aws, s3=aws),
        credentials=Credentials(
            region=account.region,
            access_key_id=account.access_key_id,
            secret_access_key=account.secret_access_key,
        ),
    )
