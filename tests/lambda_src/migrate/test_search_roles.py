"""The role mappings that the migrate function sends to the search domain, received by a stub: no local engine has users."""

import json
from typing import Any

import pytest

from lambda_src.migrate.handler import MigrationFailedError, handler
from runtime.errors import UnavailableError
from runtime.settings import load_settings
from tests.runtime.features.search.domain import VARIABLE, Domain, StubEngine

WRITER, KEEPER = "arn:aws:iam::123456789012:role/api", "arn:aws:iam::123456789012:role/maintenance"
EVENT = {"action": "prepare_search", "writers": [WRITER], "index_managers": [KEEPER]}


@pytest.fixture(autouse=True)
def environment(migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASTER_SECRET_ARN", "HOST", "NAME", "APPLICATION_USER", "APPLICATION_HOST"):
        monkeypatch.setenv(f"PLATFORM_DATABASE_{name}", "x")
    for name in ("DATABASE_PORT", "LOCK_TIMEOUT_SECONDS", "STATEMENT_TIMEOUT_SECONDS", "SEEDING"):
        monkeypatch.setenv(f"PLATFORM_{name}", "1")
    load_settings.cache_clear()


class TestPrepareSearch:
    def test_roles_are_mapped_to_permissions(self, stub: StubEngine) -> None:
        assert handler(EVENT, None) == {"prepared": True}
        sent = {path.removeprefix("/_plugins/_security/api"): json.loads(body) for _, path, _, body in stub.requests}
        assert {method for method, _, _, _ in stub.requests} == {"PUT"}
        assert sent["/rolesmapping/episode_writer"] == {"backend_roles": [WRITER]}
        assert sent["/rolesmapping/episode_keeper"] == {"backend_roles": [KEEPER]}
        for role, actions in (("writer", ["crud"]), ("keeper", ["indices_all"])):
            assert sent[f"/roles/episode_{role}"] == {
                "cluster_permissions": ["cluster_composite_ops"],
                "index_permissions": [{"index_patterns": ["episodes*"], "allowed_actions": actions}],
            }
        # A role is created before it is mapped.
        assert [path.split("/")[-2] for path in stub.paths] == ["roles", "rolesmapping"] * 2

    def test_denied_request_fails_deployment(self, stub: StubEngine) -> None:
        stub.status = 403
        with pytest.raises(UnavailableError):
            handler(EVENT, None)

    def test_engine_without_access_control_is_not_prepared(self, real_domain: Domain) -> None:
        assert handler(EVENT, None) == {"prepared": False}

    def test_missing_domain_is_not_prepared(self, domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
        assert handler(EVENT, None) == {"prepared": False}
        monkeypatch.setenv(VARIABLE, "")
        load_settings.cache_clear()
        assert handler(EVENT, None) == {"prepared": False}

    @pytest.mark.parametrize("roles", [None, [], WRITER, [1]])
    @pytest.mark.parametrize("name", ["writers", "index_managers"])
    def test_event_without_roles_is_rejected(self, stub: StubEngine, name: str, roles: Any) -> None:
        with pytest.raises(MigrationFailedError, match=rf"^{name}: must be a non-empty list"):
            handler(EVENT | {name: roles}, None)
        assert stub.requests == []
