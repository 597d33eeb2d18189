"""Deployment of the program onto a local cloud: bundles, resources, and the health check of the API.

Importing this module takes a second, because it loads Pulumi and the AWS SDK.
"""

import importlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import httpx

from local import progress
from local.cloud import LocalCloud
from local.engines import stack_files
from local.engines.in_process import Deployment
from local.errors import LocalPlatformError
from local.provider.protocol import AppliedResource
from operations.project import checkout, stack_settings
from operations.release import local_bundles
from operations.release.local_bundles import LocalBundles
from operations.state.files import Credentials, Endpoints, EnvironmentState, Process, Resource, StateFiles
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

READY_SECONDS = 60
READY_PATH = "/health/ready"
DOCS_PATH = "/docs"
POLL_SECONDS = 0.05
SECRET_PLACEHOLDER = "[secret]"  # noqa: S105 - not a secret itself


class PlatformDeployment:
    """The deployment of one platform.

    Args:
        files: The environment's state files.
        port: The API's port; 0 is any free one.
        listener: Receives the progress events.
        is_cancelled: Tells whether the start was interrupted.
    """

    def __init__(
        self, files: StateFiles, *, port: int, listener: progress.Listener, is_cancelled: Callable[[], bool]
    ) -> None:
        self._files, self._port, self._listener, self._is_cancelled = files, port, listener, is_cancelled
        self._cloud: LocalCloud | None = None
        self._bundles: LocalBundles | None = None

    def deploy(self, state: EnvironmentState) -> EnvironmentState | None:
        """Deploy the program.

        Args:
            state: The state while starting.

        Returns:
            The running state, without processes; None if the start was cancelled.

        Raises:
            CommandError: The settings are invalid, or bundles cannot be built.
            LocalPlatformError: The program fails, resources cannot be applied, or the API does not become ready.
        """
        environment = self._files.environment
        name, config = (
            stack_files.project_name(checkout.ROOT),
            stack_files.load_stack_config(checkout.ROOT, environment),
        )
        settings = stack_settings.load(environment)
        self._bundles = bundles = self._build_bundles()
        if self._is_cancelled():
            return None
        self._cloud = cloud = LocalCloud(
            self._files.directory,
            region=settings.region,
            port=self._port,
            listener=self._listener,
            code_directory=bundles.cache,
            images={settings.api.container.repository: bundles.image},
        )
        with ThreadPoolExecutor(1, thread_name_prefix="import") as executor:
            # Importing the program takes half a second, during which the emulator, another process, starts.
            program = executor.submit(importlib.import_module, "stacks.program")
            deployment = cloud.deploy(
                lambda: program.result().platform(),
                project=name,
                stack=environment,
                config=config | {f"{name}:{key}": value for key, value in bundles.config.items()},
            )
        with progress.step("health check", self._listener) as step:
            step.detail = self._wait_until_ready(cloud.resolve_url(str(deployment.outputs["api_url"])))
        return _running_state(state, cloud, deployment)

    def processes(self) -> tuple[Process, ...]:
        """Return the processes of the cloud."""
        statuses = self._cloud.processes() if self._cloud else []
        return tuple(Process(name=status.name, pid=status.pid, state=status.state) for status in statuses)

    def is_degraded(self) -> bool:
        """Return whether a process of the cloud has ended."""
        return self._cloud is not None and self._cloud.health() == "degraded"

    def stop(self) -> None:
        """Stop the cloud. Calling it again does nothing."""
        if self._cloud is not None:
            self._cloud.close()

    def release_bundles(self) -> None:
        """Release the bundles; call it once, after `stop`."""
        if self._bundles is not None:
            self._bundles.close()

    def _build_bundles(self) -> LocalBundles:
        with progress.step("bundles", self._listener) as step:

            def report(detail: str) -> None:
                # A first build takes long enough to be interrupted.
                if self._is_cancelled():
                    raise CommandError("the build was interrupted", code=ExitCode.INTERRUPTED)
                step.report("progressed", detail)

            bundles = local_bundles.build(on_progress=report)
            step.detail = "built" if bundles.was_built else "unchanged"
        return bundles

    def _wait_until_ready(self, api: str) -> str:
        """Wait until the API reports that it is ready, and return the URL that was asked."""
        url, result = f"{api}{READY_PATH}", "no response"
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(trust_env=False, timeout=READY_SECONDS) as client:
            while time.monotonic() < deadline and not self._is_cancelled():
                try:
                    response = client.get(url)
                except httpx.HTTPError as error:
                    result = f"{type(error).__name__}: {error}"
                else:
                    if response.status_code == httpx.codes.OK:
                        return url
                    result = f"{response.status_code} {response.text[:300]}"
                time.sleep(POLL_SECONDS)
        raise LocalPlatformError(
            f"the API did not become ready within {READY_SECONDS} s; the last health check returned: {result}",
            next_step=f"read the functions' logs: {checkout.command_line('logs', self._files.environment)}",
        )


def _running_state(state: EnvironmentState, cloud: LocalCloud, deployment: Deployment) -> EnvironmentState:
    outputs = {
        name: cloud.resolve_url(value) if isinstance(value, str) else value
        for name, value in deployment.outputs.items()
    }
    api, account = str(outputs["api_url"]), cloud.account
    return state.model_copy(
        update={
            "state": "running",
            "release": str(deployment.outputs.get("release", state.release)),
            "endpoints": Endpoints(
                api=api,
                docs=f"{api}{DOCS_PATH}",
                aws=account.endpoint,
                s3=account.s3_endpoint,
                functions=cloud.lambda_endpoint,
            ),
            "credentials": Credentials(
                region=account.region,
                access_key_id=account.access_key_id,
                secret_access_key=account.secret_access_key,
            ),
            "outputs": {
                name: SECRET_PLACEHOLDER if name in deployment.secret_outputs else value
                for name, value in outputs.items()
            },
            "resources": (
                *(_resource(applied, "component") for applied in deployment.components),
                *(_resource(applied, applied.state) for applied in deployment.resources),
            ),
        }
    )


def _resource(applied: AppliedResource, state: Literal["applied", "recorded-only", "component"]) -> Resource:
    return Resource(
        urn=applied.urn,
        type=applied.type,
        name=applied.name,
        parent=applied.parent,
        id=applied.id,
        state=state,
        reason=applied.reason,
    )
