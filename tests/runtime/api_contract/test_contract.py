"""The API does what its description says, and nothing that it does not: Schemathesis asks it, as users of every role."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.api_contract.contract_runs import Contract, Outcome
from tests.runtime.api_contract.known_misfits import MISFITS, misfits_of
from tests.runtime.web.served_process import free_address, serving

EVERY_PHASE = ("examples", "coverage", "fuzzing", "stateful")


@pytest.fixture
def contract(api_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Contract]:
    """The API, served by a process of its own over real Postgres and an emulated S3."""
    monkeypatch.setenv("PLATFORM_ALLOWED_HOSTS", json.dumps(["127.0.0.1"]))
    with serving(url := free_address()):
        yield Contract(url, tmp_path)


def assert_kept(contract: Contract, outcome: Outcome, *, operations: set[str], phases: tuple[str, ...]) -> None:
    """Every one of these operations was asked for in these phases, and no answer was other than is described."""
    report = outcome.report
    counts, cases = report["operations"], report["test_cases"]
    print(
        f"{counts['tested']} of {len(operations)} operations exercised, {cases['generated']} requests, "
        f"{cases['unique_failures']} failures, {report['filtered']} known misfits of {len(outcome.misfits)} kinds, "
        f"{report['running_time']:.0f} s"
    )
    assert not report["failures"] and not report["errors"] and report["exit_code"] == 0, outcome.output
    assert (report["complete"], report["stop_reason"]) == (True, "completed")
    assert {phase for phase, done in report["phases"].items() if done["status"] == "success"} == set(phases)
    assert (counts["tested"], counts["selected"], counts["skipped"]) == (len(operations), len(operations), 0)
    # Nobody was kept out: each operation was asked for by somebody who may.
    assert report["warnings"]["missing_auth"] == []


@pytest.mark.platform
class TestContract:
    @pytest.mark.timeout(300)
    @pytest.mark.requirement("P1-40", "P1-52")
    def test_every_operation_keeps_its_description(self, contract: Contract) -> None:
        phases = ("examples", "coverage")
        outcome = contract.run("schemathesis.toml", "--phases", ",".join(phases))
        assert_kept(contract, outcome, operations=contract.operations, phases=phases)

    @pytest.mark.long
    @pytest.mark.timeout(3600)
    @pytest.mark.requirement("P1-40", "P1-52")
    def test_every_operation_keeps_its_description_in_every_phase(self, contract: Contract) -> None:
        outcome = contract.run("schemathesis.toml", "--phases", ",".join(EVERY_PHASE), "--max-examples", "100")
        assert_kept(contract, outcome, operations=contract.operations, phases=EVERY_PHASE)

    @pytest.mark.timeout(300)
    @pytest.mark.requirement("P1-52")
    def test_nobody_sees_the_files_of_others(self, contract: Contract) -> None:
        """What everybody's list shows is everybody's to the tool: that lists are each caller's own is tested with the routes."""
        within = ("/api/v1/files", "/api/v1/upload/")
        outcome = contract.run(
            *("private_files.toml", "--phases", ",".join(EVERY_PHASE), "--max-examples", "5"),
            *("--checks", "object_level_authorization,ignored_auth,not_a_server_error"),
            *("--include-path-regex", f"^({'|'.join(within)})"),
            with_callers=False,
        )
        private = {each for each in contract.operations if each.partition(" ")[2].startswith(within)}
        assert_kept(contract, outcome, operations=private, phases=EVERY_PHASE)


class TestKnownMisfits:
    def answer(self, **fields: str) -> bytes:
        entries = [{"field": name.replace("__", "."), "message": message} for name, message in fields.items()]
        return json.dumps({"errors": entries}).encode()

    def test_a_misfit_forgives_nothing_else(self) -> None:
        cursor = {"query__cursor": "Invalid cursor for this sort order"}
        path, operation = "/api/v1/shows", "GET /api/v1/shows"
        assert misfits_of("ST202", path, operation, 400, self.answer(**cursor)) == {"foreign cursor"}
        other = self.answer(**cursor, query__sort="This is not an order")
        for code, label, status, content in (
            ("ST202", operation, 400, other),
            ("ST202", operation, 500, self.answer(**cursor)),
            ("ST202", "POST /api/v1/shows", 400, self.answer(**cursor)),
            ("ST201", operation, 400, self.answer(**cursor)),
            ("ST204", operation, 400, self.answer(**cursor)),
        ):
            assert misfits_of(code, path, label, status, content) == set(), (code, label, status)

    def test_each_has_a_name_and_a_reason(self) -> None:
        assert len({misfit.name for misfit in MISFITS}) == len(MISFITS)
        assert all(misfit.reason for misfit in MISFITS)
