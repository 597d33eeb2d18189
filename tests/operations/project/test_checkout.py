"""Command lines as they can be typed in the current shell."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from operations.project import checkout

SCRIPTS = Path(sys.executable).parent


def test_command_on_path_is_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{SCRIPTS}{os.pathsep}/usr/bin")
    assert checkout.command_line("down", "dev") == "platform down"
    assert checkout.command_line("down", "staging") == "platform down --environment staging"


def test_command_not_on_path_is_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shutil.which("platform") is None
    monkeypatch.chdir(Path(sys.prefix).parent)
    assert checkout.command_line("down", "dev") == f"{Path(sys.prefix).name}/bin/platform down"
    monkeypatch.chdir(tmp_path)
    assert checkout.command_line("down", "dev") == f"{sys.prefix}/bin/platform down"
