from hypothesis import strategies as st

from components.deploy_identity import ISSUER
from components.deploy_permissions import DEPLOYMENT_POLICIES
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    ACCOUNTS,
    BUCKETS,
    CAPITALS,
    DIGITS,
    INVALID_REGIONS,
    KEYS,
    LETTERS,
    REGIONS,
    arguments,
    arns,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    strings,
)

OWNERS = kebab_case(39) | integers(1, 39).map("x".__mul__)
REPOSITORIES = st.builds("{}/{}".format, OWNERS, strings(LETTERS + CAPITALS + DIGITS + "_.-", 1, 100))
PROVIDERS = arns("iam", st.just(f"oidc-provider/{ISSUER}"), region=st.just(""))
VALID = merge(
    names(*(f"deploy-{part}" for part in (*DEPLOYMENT_POLICIES, "state")), "preview-state", resource_name=False),
    arguments(
        {
            "repository": REPOSITORIES,
            "github_environment": strings(LETTERS + CAPITALS + DIGITS + "_.-", 1, 40) | st.just("x" * 255),
            "region": st.sampled_from(REGIONS),
            "account_id": inputs(ACCOUNTS),
            "state_bucket_arn": inputs(BUCKETS),
        },
        state_key_arn=inputs(KEYS),
        provider_arn=inputs(PROVIDERS),
    ),
)
INVALID_ARNS = st.sampled_from(
    ["", "key", "arn:", "arn:aws:kms:*", "arn:aws:kms:us-east-1:123456789012:key/?", "arn:aws iam"]
)
INVALID = [
    invalid(
        "repository",
        repository=st.sampled_from(
            ["", "films", "/films", "acme/", "acme/*", "*/films", "acme/films/x", "-acme/films", "a--b/c", "a b/c"]
        )
        | integers(40, 60).map(lambda length: f"{'x' * length}/films")
        | integers(101, 120).map(lambda length: f"acme/{'x' * length}"),
    ),
    invalid("github_environment", github_environment=st.sampled_from(["", "*", "dev*", "a b", "a:b", "x" * 256])),
    invalid("region", region=INVALID_REGIONS),
    invalid("account_id", account_id=st.sampled_from(["", "1234", "12345678901a", "1234567890123", "*"])),
    invalid("provider_arn", provider_arn=PROVIDERS.map(lambda arn: arn.replace("github", "gitlab")) | INVALID_ARNS),
    invalid("state_bucket_arn", state_bucket_arn=BUCKETS.map(lambda arn: f"{arn}/*") | INVALID_ARNS),
    invalid("state_key_arn", state_key_arn=INVALID_ARNS),
]
