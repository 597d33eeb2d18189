"""A local platform never sees the user's own AWS, nor a proxy between parts of one machine."""

import os
from collections.abc import Mapping

# Read by AWS's SDKs, and by Pulumi's own.
FOREIGN_PREFIXES = ("AWS_", "BOTO_", "PULUMI_")
LOOPBACK = "127.0.0.1,localhost"
QUIET_SDK = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def isolated_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that must reach the local AWS and no other.

    Profiles, credentials and endpoints of the user's are left out (a profile that does not exist would also stop every
    client), and loopback is exempt from proxies.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(FOREIGN_PREFIXES)}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name, ""), LOOPBACK)))
    return kept | QUIET_SDK


def isolate_aws_environment() -> None:
    """Makes this process such a one; before it makes its first AWS client."""
    kept = isolated_environment(os.environ)
    os.environ.clear()
    os.environ.update(kept)
