"""Targets that bundles are built for."""

import subprocess
import sys

from components.python_function import RUNTIME
from operations.release.build_target import ARCHITECTURES, LAMBDA_PYTHON, BuildTarget


class TestLambdaFunction:
    def test_python_is_the_registered_runtime(self) -> None:
        assert f"python{LAMBDA_PYTHON}" == RUNTIME

    def test_uv_options_name_processor_and_c_library(self) -> None:
        chosen = {each: BuildTarget.lambda_function(each).uv_options for each in ARCHITECTURES}
        assert chosen == {
            "arm64": ["--python-version", "3.13", "--python-platform", "aarch64-manylinux_2_28"],
            "x86_64": ["--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_28"],
        }


class TestThisMachine:
    def test_target_is_the_running_interpreter(self) -> None:
        target = BuildTarget.this_machine()
        machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
        assert target.architecture == {"aarch64": "arm64"}.get(machine, machine)
        assert target.python == ".".join(str(part) for part in sys.version_info[:2])
        assert target.uv_options == []
        assert target.platform not in {BuildTarget.lambda_function(each).platform for each in ARCHITECTURES}
