from typing import Any

from hypothesis import strategies as st

from components.container_task import MEMORY_MB
from tests.components.configurations.deferred import DeferredOutput, invalid
from tests.components.configurations.values import (
    ACCOUNTS,
    DIGITS,
    INVALID_PATHS,
    INVALID_RETENTIONS,
    KEYS,
    PATHS,
    REGIONS,
    RETENTIONS,
    STATEMENTS,
    VARIABLE_NAMES,
    arguments,
    arns,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    other_than,
    outside_range,
    sequences,
    strings,
    texts,
)

REPOSITORIES = arns("ecr", kebab_case(30).map("repository/".__add__))
REGISTRIES = st.builds("{}.dkr.ecr.{}.amazonaws.com/{}".format, ACCOUNTS, st.sampled_from(REGIONS), kebab_case(20))
IMAGES = st.builds(
    "{}@sha256:{}".format,
    REGISTRIES | kebab_case(20).map("ghcr.io/{}/api:v1".format),
    strings(DIGITS + "abcdef", 64, 64),
)
# The sizes that the Fargate documentation lists.
SIZES = st.sampled_from(
    [(256, 512)]
    + [(cpu, memory) for cpu, (low, high, step) in MEMORY_MB.items() for memory in range(low, high + 1, step)]
)
IMAGE = arguments({"image": IMAGES}, repository_arn=inputs(REPOSITORIES)) | arguments(
    {"image": IMAGES.map(DeferredOutput), "repository_arn": inputs(REPOSITORIES)}
)


def _size(drawn: Any) -> Any:
    return {"cpu_units": drawn[0], "memory_mb": drawn[1]}


VALID = merge(
    names("-execution-role"),
    IMAGE,
    arguments({}) | SIZES.map(_size),
    arguments(
        {},
        command=sequences(texts(20), 0, 4),
        port=integers(1, 65_535),
        health_path=PATHS,
        variables=st.dictionaries(VARIABLE_NAMES, inputs(texts(30, shortest=0)), max_size=4),
        statements=sequences(STATEMENTS, 0, 3),
        architecture=st.sampled_from(["arm64", "x86_64"]),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
INVALID_IMAGES = st.one_of(
    st.sampled_from(
        ["", "api", "api:latest", f"api@sha256:{'0' * 63}", f"api@sha256:{'A' * 64}", f"a b@sha256:{'0' * 64}"]
    ),
    IMAGES.map(lambda image: image.partition("@")[0]),
)
INVALID_VARIABLES = st.sampled_from(["", "1A", "A-B", "A B", "Ä-"])
RESERVED_VARIABLES = st.sampled_from(
    [
        "ECS_CLUSTER",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_EXECUTION_ENV",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ]
)
INVALID_TEXTS = st.none() | st.integers() | st.booleans() | st.binary(max_size=3)


def _named(strategy: Any, value: Any) -> Any:
    return strategy.map(lambda name: {name: value})


INVALID = [
    invalid("resource_name", resource_name=""),
    invalid("image", image=INVALID_IMAGES),
    invalid("repository_arn", image=IMAGES.map(DeferredOutput), repository_arn=None),
    invalid("command", command=st.sampled_from(["python app.py", ["python", 1], [None], [b"python"]])),
    invalid("port", port=outside_range(1, 65_535)),
    invalid("health_path", health_path=INVALID_PATHS),
    invalid("variables", variables=_named(INVALID_VARIABLES, "red")),
    invalid("variables", variables=_named(RESERVED_VARIABLES, "red")),
    invalid("variables", variables=INVALID_TEXTS.map(lambda value: {"COLOUR": value})),
    invalid("architecture", architecture=other_than("arm64", "x86_64")),
    invalid("cpu_units", cpu_units=other_than(*MEMORY_MB)),
    invalid(
        "memory_mb",
        cpu_units=st.sampled_from([512, 1024, 2048, 4096]),
        memory_mb=integers(0, 200_000).filter(lambda memory: memory % 1024 != 0) | st.sampled_from([0, 512, 31_744]),
    ),
    invalid("memory_mb", cpu_units=256, memory_mb=st.sampled_from([256, 1536, 3072])),
    invalid("memory_mb", cpu_units=8192, memory_mb=st.sampled_from([15_360, 17_408, 65_536])),
    invalid("memory_mb", cpu_units=16_384, memory_mb=st.sampled_from([24_576, 36_864, 131_072])),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
]
