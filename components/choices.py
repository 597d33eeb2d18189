"""What AWS lets one choose from, and where it draws a line, for components and for the settings that are written for them.

It loads no Pulumi, whose AWS package takes a second: whoever only reads settings should not wait for it.
"""

from typing import Literal

Architecture = Literal["arm64", "x86_64"]
DatabaseInsights = Literal["off", "standard", "advanced"]
Deployment = Literal["rolling", "canary", "blue_green"]
LogSender = Literal["buckets", "load_balancers"]
Mfa = Literal["OFF", "OPTIONAL", "ON"]
Nat = Literal["none", "single", "one_per_zone"]
PriceClass = Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
ThreatProtection = Literal["off", "audit", "enforced"]

# CloudFront takes certificates and firewalls, reports its metrics and hands out its logs in this region alone.
EDGE_REGION = "us-east-1"

# The longest that API Gateway waits for an integration of an HTTP API.
INTEGRATION_TIMEOUT_MS = 30_000

# AWS asks for this much: the mapping may retry a throttled batch several times while its messages stay hidden.
VISIBILITY_PER_TIMEOUT = 6


def min_visibility_timeout_seconds(function_timeout_seconds: int, batching_window_seconds: int = 0) -> int:
    """The shortest visibility timeout of a queue whose consumer has this timeout and gathers batches this long."""
    return VISIBILITY_PER_TIMEOUT * function_timeout_seconds + batching_window_seconds
