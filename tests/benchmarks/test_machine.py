"""Description of the machine."""

import os

import pytest

from benchmarks import machine


class TestDescribe:
    @pytest.mark.parametrize(("load", "is_preliminary"), [(0.0, False), (64.0, True)])
    def test_figures_of_a_busy_machine_are_preliminary(
        self, load: float, is_preliminary: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
        monkeypatch.setattr("psutil.cpu_count", lambda: 8)
        description = machine.describe()
        assert ("Preliminary" in description) is is_preliminary
        assert "on 8 cores of " in description
