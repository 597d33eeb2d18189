"""Health and version."""

import re

import pytest

from tests.runtime.features.api_platform import Api, problems


class TestHealth:
    @pytest.mark.requirement("ROAD-99", "C-28")
    @pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/health/ready"])
    def test_response_has_no_envelope_and_needs_no_token(self, api: Api, path: str) -> None:
        response = api.client.get(path)
        assert response.status_code == 200
        body = response.json()
        assert body.keys() == {"status", "timestamp", "environment"}
        assert (body["status"], body["environment"]) == ("ok", "development")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


class TestReadiness:
    @pytest.mark.requirement("C-28")
    def test_unavailable_database_is_503_while_health_is_200(self, api: Api) -> None:
        secrets = api.account.client("secretsmanager")
        secrets.delete_secret(
            SecretId=api.client.app.state.resources.settings.database_secret_arn, ForceDeleteWithoutRecovery=True
        )
        response = api.client.get("/health/ready")
        # Which dependency is unavailable is only logged.
        expected = {None: "Service temporarily unavailable; try again"}
        assert problems(response, 503, "SERVICE_UNAVAILABLE") == expected
        assert int(response.headers["retry-after"]) >= 1
        assert api.client.get("/health").status_code == 200


class TestVersion:
    def test_version_returns_the_release(self, api: Api) -> None:
        response = api.client.get("/version")
        assert response.json() == {"release": "0.0.0+test", "environment": "development"}
