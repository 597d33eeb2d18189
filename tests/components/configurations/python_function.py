from hypothesis import strategies as st

from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    CAPITALS,
    CODE,
    DIGITS,
    KEYS,
    LETTERS,
    NO_RETENTIONS,
    PLACEMENTS,
    RETENTIONS,
    STATEMENTS,
    SUFFIX,
    VARIABLE_NAMES,
    WRONG_PLACEMENTS,
    given,
    inputs,
    led,
    merged,
    names,
    other_than,
    outside,
    several,
    texts,
    too_long,
    whole,
)

STEPS = led(LETTERS + CAPITALS + "_", LETTERS + CAPITALS + DIGITS + "_", 10)
VALID = merged(
    names("-role", f"-sg{SUFFIX}"),
    given(
        {
            "description": texts(256),
            "code": st.just(CODE),
            "handler": st.lists(STEPS, min_size=2, max_size=4).map(".".join),
        },
        variables=st.dictionaries(VARIABLE_NAMES, inputs(texts(30, shortest=0)), max_size=5),
        statements=several(STATEMENTS, 0, 3),
        placement=PLACEMENTS,
        memory_mb=whole(128, 10_240),
        timeout_seconds=whole(1, 900),
        reserved_concurrency=whole(1, 1_000),
        architecture=st.sampled_from(["arm64", "x86_64"]),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
        alias=led(LETTERS + CAPITALS + "_-", LETTERS + CAPITALS + DIGITS + "_-", 20) | st.just("x" * 128),
    ),
)
INVALID = [
    mistake(
        "handler",
        handler=st.sampled_from(["", "handle", "worker.", ".handle", "worker..handle", "1worker.handle", "a/b.handle"]),
    ),
    mistake("memory_mb", memory_mb=outside(128, 10_240)),
    mistake("timeout_seconds", timeout_seconds=outside(1, 900)),
    mistake("alias", alias=st.sampled_from(["", "a b", "a.b", "$LATEST", "x" * 129]) | st.integers(0).map(str)),
    mistake("reserved_concurrency", reserved_concurrency=outside(1, 1_000)),
    mistake("architecture", architecture=other_than("arm64", "x86_64")),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
    mistake("description", description=st.just("") | too_long(256)),
    mistake(
        "variables", variables=st.sampled_from(["", "A", "1A", "_A", "A-B", "A B"]).map(lambda name: {name: "red"})
    ),
    mistake(
        "variables",
        variables=st.sampled_from(
            ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT"]
        ).map(lambda name: {name: "red"}),
    ),
    *WRONG_PLACEMENTS,
]
