from hypothesis import strategies as st

from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    CAPITALS,
    CODE,
    DIGITS,
    INVALID_PLACEMENTS,
    INVALID_RETENTIONS,
    KEYS,
    LETTERS,
    PLACEMENTS,
    RETENTIONS,
    STATEMENTS,
    SUFFIX,
    VARIABLE_NAMES,
    arguments,
    identifiers,
    inputs,
    integers,
    merge,
    names,
    other_than,
    outside_range,
    sequences,
    texts,
    texts_longer_than,
)

STEPS = identifiers(LETTERS + CAPITALS + "_", LETTERS + CAPITALS + DIGITS + "_", 10)
VALID = merge(
    names("-role", f"-sg{SUFFIX}"),
    arguments(
        {
            "description": texts(256),
            "code": st.just(CODE),
            "handler": st.lists(STEPS, min_size=2, max_size=4).map(".".join),
        },
        variables=st.dictionaries(VARIABLE_NAMES, inputs(texts(30, shortest=0)), max_size=5),
        statements=sequences(STATEMENTS, 0, 3),
        placement=PLACEMENTS,
        memory_mb=integers(128, 10_240),
        timeout_seconds=integers(1, 900),
        reserved_concurrency=integers(1, 1_000),
        architecture=st.sampled_from(["arm64", "x86_64"]),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
        alias=identifiers(LETTERS + CAPITALS + "_-", LETTERS + CAPITALS + DIGITS + "_-", 20) | st.just("x" * 128),
    ),
)
INVALID = [
    invalid(
        "handler",
        handler=st.sampled_from(["", "handle", "worker.", ".handle", "worker..handle", "1worker.handle", "a/b.handle"]),
    ),
    invalid("memory_mb", memory_mb=outside_range(128, 10_240)),
    invalid("timeout_seconds", timeout_seconds=outside_range(1, 900)),
    invalid("alias", alias=st.sampled_from(["", "a b", "a.b", "$LATEST", "x" * 129]) | st.integers(0).map(str)),
    invalid("reserved_concurrency", reserved_concurrency=outside_range(1, 1_000)),
    invalid("architecture", architecture=other_than("arm64", "x86_64")),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
    invalid("description", description=st.just("") | texts_longer_than(256)),
    invalid(
        "variables", variables=st.sampled_from(["", "A", "1A", "_A", "A-B", "A B"]).map(lambda name: {name: "red"})
    ),
    invalid(
        "variables",
        variables=st.sampled_from(
            ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"]
        ).map(lambda name: {name: "red"}),
    ),
    *INVALID_PLACEMENTS,
]
