"""The cache key, the response headers, the default response and the access logs of a distribution."""

from collections.abc import Sequence

import pulumi
from pulumi_aws import cloudfront, cloudwatch

from components.choices import EDGE_REGION

ONE_YEAR = 365 * 24 * 3600

# The response for paths without a cache behavior, before they reach the bucket: the one S3 gives for forbidden objects.
FORBIDDEN = """\
function handler(event) {
    return { statusCode: 403, statusDescription: 'Forbidden' };
}
"""

# One cached response per path. Accept is not part of the key: S3 does not negotiate, each format has a key of its own, and
# the many values that browsers send would each be cached.
CACHE_KEY: cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgsDict = {
    "cookies_config": {"cookie_behavior": "none"},
    "headers_config": {"header_behavior": "none"},
    "query_strings_config": {"query_string_behavior": "none"},
    "enable_accept_encoding_gzip": True,
    "enable_accept_encoding_brotli": True,
}

SECURITY_HEADERS: cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgsDict = {
    # Without `preload`, which would be a commitment of the whole parent domain.
    "strict_transport_security": {
        "access_control_max_age_sec": ONE_YEAR,
        "include_subdomains": True,
        "override": True,
    },
    "content_type_options": {"override": True},
    "frame_options": {"frame_option": "DENY", "override": True},
    "referrer_policy": {"referrer_policy": "no-referrer", "override": True},
    # An image or video that is opened as a document may display itself and nothing else.
    "content_security_policy": {
        "content_security_policy": (
            "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
            "frame-ancestors 'none'; sandbox"
        ),
        "override": True,
    },
}

# All fields but query, cookies and referrer, which may carry signatures and secrets.
LOG_FIELDS = (
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken",
    "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version", "time-to-first-byte",
    "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
)  # fmt: skip


def cors_config(origins: Sequence[str]) -> cloudfront.ResponseHeadersPolicyCorsConfigArgsDict | None:
    """Return a CORS configuration for these origins, without credentials. CloudFront sets the headers, whatever S3 returns."""
    if not origins:
        return None
    return {
        "access_control_allow_credentials": False,
        "access_control_allow_headers": {"items": ["*"]},
        "access_control_allow_methods": {"items": ["GET", "HEAD"]},
        "access_control_allow_origins": {"items": list(origins)},
        "access_control_expose_headers": {"items": ["ETag", "Content-Range"]},
        "access_control_max_age_sec": 600,
        "origin_override": True,
    }


def create_default_response(name: str, physical: str, *, child: pulumi.ResourceOptions) -> cloudfront.Function:
    """Create the function that responds to every path without a cache behavior, as a child of the component called `name`."""
    return cloudfront.Function(
        f"{name}-refusal",
        name=physical,
        comment="Refuses every path that no prefix covers",
        runtime="cloudfront-js-2.0",
        code=FORBIDDEN,
        publish=True,
        opts=child,
    )


def create_log_delivery(
    name: str,
    physical: str,
    *,
    distribution_arn: pulumi.Input[str],
    bucket_arn: pulumi.Input[str],
    child: pulumi.ResourceOptions,
) -> None:
    """Create the resources that deliver a distribution's access logs to a bucket.

    They are children of the component called `name`. This is standard logging v2, through CloudWatch Logs: the first version
    needs ACLs on its bucket.
    """
    source = cloudwatch.LogDeliverySource(
        f"{name}-log-source",
        name=physical,
        region=EDGE_REGION,
        log_type="ACCESS_LOGS",
        resource_arn=distribution_arn,
        opts=child,
    )
    destination = cloudwatch.LogDeliveryDestination(
        f"{name}-log-destination",
        name=physical,
        region=EDGE_REGION,
        output_format="json",
        delivery_destination_configuration={"destination_resource_arn": bucket_arn},
        opts=child,
    )
    cloudwatch.LogDelivery(
        f"{name}-log-delivery",
        region=EDGE_REGION,
        delivery_source_name=source.name,
        delivery_destination_arn=destination.arn,
        record_fields=list(LOG_FIELDS),
        opts=child,
    )
