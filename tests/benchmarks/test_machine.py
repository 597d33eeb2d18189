"""What is said of the machine that was measured on."""

import os

import pytest

from benchmarks import machine


class TestCircumstances:
    @pytest.mark.parametrize(("load", "is_said"), [(0.0, False), (64.0, True)])
    def test_busy_machine_makes_figures_preliminary(
        self, load: float, is_said: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
        monkeypatch.setattr(machine.psutil, "cpu_count", lambda: 8)
        said = machine.circumstances()
        assert ("Preliminary" in said) is is_said
        assert "on 8 cores of " in said
