"""The page of the local platform says what it does and what it cannot show."""

import re
import tomllib

import yaml

from operations.project import checkout
from tests.architecture.pages import DOCS, ROOT


class TestLocalPlatformPage:
    TEXT = (DOCS / "local-platform.md").read_text()

    def test_it_says_what_is_recorded_only_and_since_when(self) -> None:
        listed = tomllib.loads((ROOT / "local/provider/recorded_only.toml").read_text())
        section = self.TEXT.partition("## Recorded only")[2].partition("\n## ")[0]
        told = {
            name for row in re.findall(r"^\| (`.*`) \|", section, re.MULTILINE) for name in re.findall(r"`(\S+)`", row)
        }
        assert told == {re.sub(r"aws:(\w+)/\w+:", r"\1.", token) for token in listed["types"]}
        assert f"({listed['reviewed']})" in section
        assert f"({listed['review_again']})" in section

    def test_it_says_the_ports(self) -> None:
        told = dict(re.findall(r"(\w+) (?:listens )?on (?:port )?(\d{4})", self.TEXT))
        assert told == {name: str(port) for name, port in checkout.PORTS.items()}

    def test_what_aws_may_refuse_names_what_is_there(self) -> None:
        table = self.TEXT.partition("## What cannot be shown here")[2]
        places = {
            name for row in re.findall(r"\| ([^|]*) \|$", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
        }
        files = {name for name in places if name.endswith(".py") or name == "Dockerfile"}
        assert [name for name in files if not ((ROOT / name).exists() or (ROOT / "components" / name).exists())] == []
        settings = yaml.safe_load((ROOT / "Pulumi.production.yaml").read_text())["config"]["episode-metadata:settings"]
        keys = [name.partition(".") for name in places - files]
        assert keys
        assert [f"{section}.{key}" for section, _, key in keys if key not in settings[section]] == []
