"""Isolation from the user's AWS accounts: commands on local platforms see neither their configuration nor a proxy."""

import os
from collections.abc import Mapping

# Prefixes of the variables that configure the AWS SDKs and Pulumi.
REMOVED_PREFIXES = ("AWS_", "BOTO_", "PULUMI_")
LOOPBACK_HOSTS = "127.0.0.1,localhost"
SDK_DEFAULTS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def isolated_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables for a process that must reach only the local AWS.

    The user's profiles, credentials and endpoints are removed (a profile that does not exist would also make every
    client fail), and loopback is exempt from proxies.
    """
    isolated = {name: value for name, value in environment.items() if not name.startswith(REMOVED_PREFIXES)}
    for name in ("NO_PROXY", "no_proxy"):
        isolated[name] = ",".join(filter(None, (isolated.get(name, ""), LOOPBACK_HOSTS)))
    return isolated | SDK_DEFAULTS


def isolate_aws_environment() -> None:
    """Isolate this process; call it before the first AWS client is created."""
    isolated = isolated_environment(os.environ)
    os.environ.clear()
    os.environ.update(isolated)
