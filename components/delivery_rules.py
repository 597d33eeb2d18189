"""What a distribution keeps, adds, refuses and logs, in CloudFront's terms."""

from collections.abc import Sequence

import pulumi
from pulumi_aws import cloudfront, cloudwatch

from components.choices import EDGE_REGION

ONE_YEAR = 365 * 24 * 3600

# What no prefix covers ends here, before it could reach the bucket. It is the answer that S3 gives for what it may not show.
REFUSAL = """\
function handler(event) {
    return { statusCode: 403, statusDescription: 'Forbidden' };
}
"""

# One answer for each path, whatever else a request carries. `Accept` is not in the key either: S3 does not choose by it,
# each format has a key of its own, and browsers' many spellings would each make a copy.
CACHE_KEY: cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgsDict = {
    "cookies_config": {"cookie_behavior": "none"},
    "headers_config": {"header_behavior": "none"},
    "query_strings_config": {"query_string_behavior": "none"},
    "enable_accept_encoding_gzip": True,
    "enable_accept_encoding_brotli": True,
}

SECURITY_HEADERS: cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgsDict = {
    # Without `preload`: that is a promise of the whole parent domain, which is not ours to give.
    "strict_transport_security": {
        "access_control_max_age_sec": ONE_YEAR,
        "include_subdomains": True,
        "override": True,
    },
    "content_type_options": {"override": True},
    "frame_options": {"frame_option": "DENY", "override": True},
    "referrer_policy": {"referrer_policy": "no-referrer", "override": True},
    # An image or a film that is opened by itself may show itself and do nothing else.
    "content_security_policy": {
        "content_security_policy": (
            "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
            "frame-ancestors 'none'; sandbox"
        ),
        "override": True,
    },
}

# All but the query, the cookies and the referrer: a query carries signatures, and each of the three may carry secrets.
LOG_FIELDS = (
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken",
    "ssl-protocol", "ssl-cipher", "x-edge-response-result-type", "cs-protocol-version", "time-to-first-byte",
    "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
)  # fmt: skip


def cross_origin(origins: Sequence[str]) -> cloudfront.ResponseHeadersPolicyCorsConfigArgsDict | None:
    """Lets pages of these origins read with scripts, without cookies. CloudFront answers for the bucket, whatever it says."""
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


def create_log_delivery(
    name: str,
    physical: str,
    *,
    distribution_arn: pulumi.Input[str],
    bucket_arn: pulumi.Input[str],
    child: pulumi.ResourceOptions,
) -> None:
    """Has a distribution's log delivered to a bucket, by resources that are children of the component called `name`.

    This is standard logging of the second version, through CloudWatch: the first needs ACLs on its bucket.
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
