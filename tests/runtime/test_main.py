"""Where the API's own server listens: the command line, before the variables that a container host sets."""

import asyncio
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


class TestClientAddress:
    """As the application sees it, behind uvicorn's own reading of the headers."""

    async def seen(self, served: dict[str, Any], peer: str, forwarded_for: str) -> str:
        clients: list[str] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            clients.append(scope["client"][0])

        config = uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            **{name: served[name] for name in ("proxy_headers", "forwarded_allow_ips")},
        )
        config.load()
        headers = [(b"x-forwarded-for", forwarded_for.encode())]
        scope = {"type": "http", "headers": headers, "client": (peer, 1), "scheme": "http"}
        await config.loaded_app(scope, None, None)  # nobody receives or sends
        return clients[0]

    @pytest.mark.parametrize(
        ("proxies", "peer", "forwarded_for", "client"),
        [
            ("10.1.0.0/16", "10.1.1.7", "203.0.113.9", "203.0.113.9"),
            # What the client wrote itself stands before what the load balancer added.
            ("10.1.0.0/16", "10.1.1.7", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
            ("10.1.0.0/16", "192.0.2.1", "1.2.3.4", "192.0.2.1"),
            ("", "127.0.0.1", "1.2.3.4", "127.0.0.1"),
        ],
    )
    def test_it_is_whom_the_nearest_proxy_saw(
        self,
        served: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
        *,
        proxies: str,
        peer: str,
        forwarded_for: str,
        client: str,
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["runtime"])
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
        module.main()
        assert asyncio.run(self.seen(served, peer, forwarded_for)) == client
