"""Choices and limits of AWS that components share with the settings.

It loads no Pulumi: its AWS package takes a second to import, which programs that only read settings should not wait for.
"""

from typing import Literal

Architecture = Literal["arm64", "x86_64"]
DatabaseInsights = Literal["off", "standard", "advanced"]
Deployment = Literal["rolling", "canary", "blue_green"]
LogSource = Literal["buckets", "load_balancers"]
Mfa = Literal["OFF", "OPTIONAL", "ON"]
Nat = Literal["none", "single", "one_per_zone"]
PriceClass = Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
ThreatProtection = Literal["off", "audit", "enforced"]

# CloudFront only accepts certificates and firewalls, and only delivers its metrics and logs, in this region.
EDGE_REGION = "us-east-1"

# The longest integration timeout of an API Gateway HTTP API.
INTEGRATION_TIMEOUT_MS = 30_000

# The factor that AWS recommends: Lambda may retry a throttled batch several times while its messages stay hidden.
VISIBILITY_TIMEOUT_FACTOR = 6


def min_visibility_timeout_seconds(function_timeout_seconds: int, batching_window_seconds: int = 0) -> int:
    """Return the shortest visibility timeout of a queue whose consumer has this timeout and batching window."""
    return VISIBILITY_TIMEOUT_FACTOR * function_timeout_seconds + batching_window_seconds
