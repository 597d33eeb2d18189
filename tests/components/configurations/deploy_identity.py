from hypothesis import strategies as st

from components.deploy_identity import ISSUER
from components.deploy_permissions import DEPLOYMENT_POLICIES
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    ACCOUNTS,
    BUCKETS,
    CAPITALS,
    DIGITS,
    KEYS,
    LETTERS,
    NO_REGIONS,
    REGIONS,
    arns,
    given,
    inputs,
    merged,
    names,
    spelled,
    whole,
    words,
)

OWNERS = words(39) | whole(1, 39).map("x".__mul__)
REPOSITORIES = st.builds("{}/{}".format, OWNERS, spelled(LETTERS + CAPITALS + DIGITS + "_.-", 1, 100))
PROVIDERS = arns("iam", st.just(f"oidc-provider/{ISSUER}"), region=st.just(""))
VALID = merged(
    names(*(f"deploy-{part}" for part in (*DEPLOYMENT_POLICIES, "state")), "preview-state", resource_name=False),
    given(
        {
            "repository": REPOSITORIES,
            "github_environment": spelled(LETTERS + CAPITALS + DIGITS + "_.-", 1, 40) | st.just("x" * 255),
            "region": st.sampled_from(REGIONS),
            "account_id": inputs(ACCOUNTS),
            "state_bucket_arn": inputs(BUCKETS),
        },
        state_key_arn=inputs(KEYS),
        provider_arn=inputs(PROVIDERS),
    ),
)
NO_ARNS = st.sampled_from(
    ["", "key", "arn:", "arn:aws:kms:*", "arn:aws:kms:us-east-1:123456789012:key/?", "arn:aws iam"]
)
INVALID = [
    mistake(
        "repository",
        repository=st.sampled_from(
            ["", "films", "/films", "acme/", "acme/*", "*/films", "acme/films/x", "-acme/films", "a--b/c", "a b/c"]
        )
        | whole(40, 60).map(lambda length: f"{'x' * length}/films")
        | whole(101, 120).map(lambda length: f"acme/{'x' * length}"),
    ),
    mistake("github_environment", github_environment=st.sampled_from(["", "*", "dev*", "a b", "a:b", "x" * 256])),
    mistake("region", region=NO_REGIONS),
    mistake("account_id", account_id=st.sampled_from(["", "1234", "12345678901a", "1234567890123", "*"])),
    mistake("provider_arn", provider_arn=PROVIDERS.map(lambda arn: arn.replace("github", "gitlab")) | NO_ARNS),
    mistake("state_bucket_arn", state_bucket_arn=BUCKETS.map(lambda arn: f"{arn}/*") | NO_ARNS),
    mistake("state_key_arn", state_key_arn=NO_ARNS),
]
