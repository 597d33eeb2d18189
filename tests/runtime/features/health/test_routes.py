"""Health and version."""

import re

import pytest

from tests.runtime.features.api_platform import Api, problems


class TestHealth:
    @pytest.mark.requirement("ROAD-99", "C-28")
    @pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/health/ready"])
    def test_answers_unwrapped_and_without_a_token(self, api: Api, path: str) -> None:
        answer = api.client.get(path)
        assert answer.status_code == 200
        body = answer.json()
        assert body.keys() == {"status", "timestamp", "environment"}
        assert (body["status"], body["environment"]) == ("ok", "development")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


class TestReadiness:
    @pytest.mark.requirement("C-28")
    def test_no_database_is_503_while_health_stays_ok(self, api: Api) -> None:
        secrets = api.account.client("secretsmanager")
        secrets.delete_secret(
            SecretId=api.client.app.state.resources.settings.database_secret_arn, ForceDeleteWithoutRecovery=True
        )
        answer = api.client.get("/health/ready")
        # Which part is away, and under which name, is for the log.
        expected = {None: "A part of the platform does not answer; try again"}
        assert problems(answer, 503, "SERVICE_UNAVAILABLE") == expected
        assert int(answer.headers["retry-after"]) >= 1
        assert api.client.get("/health").status_code == 200


class TestVersion:
    def test_names_the_release(self, api: Api) -> None:
        answer = api.client.get("/version")
        assert answer.json() == {"release": "0.0.0+test", "environment": "development"}
