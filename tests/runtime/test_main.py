"""Where the API's own server listens: the command line, before the variables that a container host sets."""

import sys
from typing import Any

import pytest
import uvicorn

from runtime import __main__ as module


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What uvicorn was asked to do."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(module, "create_app", lambda: None)
    monkeypatch.setattr(uvicorn, "run", lambda _app, **options: asked.update(options))
    for variable in ("HOST", "PORT", "APP_PORT"):
        monkeypatch.delenv(variable, raising=False)
    return asked


class TestMain:
    @pytest.mark.parametrize(
        ("arguments", "variables", "address"),
        [
            ([], {}, ("127.0.0.1", 3000)),
            ([], {"HOST": "", "PORT": "", "APP_PORT": ""}, ("127.0.0.1", 3000)),
            ([], {"HOST": "192.0.2.1", "PORT": "3002"}, ("192.0.2.1", 3002)),
            ([], {"APP_PORT": "8000"}, ("127.0.0.1", 8000)),
            ([], {"PORT": "3002", "APP_PORT": "8000"}, ("127.0.0.1", 3002)),
            (["--host", "::1", "--port", "81"], {"HOST": "192.0.2.1", "PORT": "3002"}, ("::1", 81)),
        ],
    )  # fmt: skip
    @pytest.mark.requirement("C-27")
    def test_listens_where_it_is_told(
        self,
        served: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
        arguments: list[str],
        variables: dict[str, str],
        address: tuple[str, int],
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["runtime", *arguments])
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        module.main()
        assert (served["host"], served["port"]) == address

    def test_keeps_connections_longer_than_a_load_balancer_does(
        self, served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["runtime"])
        module.main()
        assert served["timeout_keep_alive"] > 60

    def test_a_port_that_is_none_is_refused(
        self, served: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["runtime"])
        monkeypatch.setenv("PORT", "http")
        with pytest.raises(SystemExit):
            module.main()
        assert "--port: invalid int value: 'http'" in capsys.readouterr().err
        assert served == {}
