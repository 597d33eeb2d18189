from hypothesis import strategies as st

from components.container_task import MEMORY_MB
from tests.components.configurations.recipes import Later, mistake
from tests.components.configurations.values import (
    ACCOUNTS,
    DIGITS,
    KEYS,
    NO_PATHS,
    NO_RETENTIONS,
    PATHS,
    REGIONS,
    RETENTIONS,
    STATEMENTS,
    VARIABLE_NAMES,
    arns,
    given,
    inputs,
    merged,
    names,
    other_than,
    outside,
    several,
    spelled,
    texts,
    whole,
    words,
)

REPOSITORIES = arns("ecr", words(30).map("repository/".__add__))
REGISTRIES = st.builds("{}.dkr.ecr.{}.amazonaws.com/{}".format, ACCOUNTS, st.sampled_from(REGIONS), words(20))
IMAGES = st.builds(
    "{}@sha256:{}".format, REGISTRIES | words(20).map("ghcr.io/{}/api:v1".format), spelled(DIGITS + "abcdef", 64, 64)
)
# What Fargate offers, as its manual lists it.
SIZES = st.sampled_from(
    [(256, 512)]
    + [(cpu, memory) for cpu, (low, high, step) in MEMORY_MB.items() for memory in range(low, high + 1, step)]
)
IMAGE = given({"image": IMAGES}, repository_arn=inputs(REPOSITORIES)) | given(
    {"image": IMAGES.map(Later), "repository_arn": inputs(REPOSITORIES)}
)


def _size(drawn):
    return {"cpu_units": drawn[0], "memory_mb": drawn[1]}


VALID = merged(
    names("-execution-role"),
    IMAGE,
    given({}) | SIZES.map(_size),
    given(
        {},
        command=several(texts(20), 0, 4),
        port=whole(1, 65_535),
        health_path=PATHS,
        variables=st.dictionaries(VARIABLE_NAMES, inputs(texts(30, shortest=0)), max_size=4),
        statements=several(STATEMENTS, 0, 3),
        architecture=st.sampled_from(["arm64", "x86_64"]),
        log_retention_days=RETENTIONS,
        log_key_arn=inputs(KEYS),
    ),
)
NO_IMAGES = st.one_of(
    st.sampled_from(
        ["", "api", "api:latest", f"api@sha256:{'0' * 63}", f"api@sha256:{'A' * 64}", f"a b@sha256:{'0' * 64}"]
    ),
    IMAGES.map(lambda image: image.partition("@")[0]),
)
NO_VARIABLES = st.sampled_from(["", "1A", "A-B", "A B", "Ä-"])
TAKEN_VARIABLES = st.sampled_from(
    [
        "ECS_CLUSTER",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_EXECUTION_ENV",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
    ]
)
NO_TEXTS = st.none() | st.integers() | st.booleans() | st.binary(max_size=3)


def _named(strategy, value):
    return strategy.map(lambda name: {name: value})


INVALID = [
    mistake("resource_name", resource_name=""),
    mistake("image", image=NO_IMAGES),
    mistake("repository_arn", image=IMAGES.map(Later), repository_arn=None),
    mistake("command", command=st.sampled_from(["python app.py", ["python", 1], [None], [b"python"]])),
    mistake("port", port=outside(1, 65_535)),
    mistake("health_path", health_path=NO_PATHS),
    mistake("variables", variables=_named(NO_VARIABLES, "red")),
    mistake("variables", variables=_named(TAKEN_VARIABLES, "red")),
    mistake("variables", variables=NO_TEXTS.map(lambda value: {"COLOUR": value})),
    mistake("architecture", architecture=other_than("arm64", "x86_64")),
    mistake("cpu_units", cpu_units=other_than(*MEMORY_MB)),
    mistake(
        "memory_mb",
        cpu_units=st.sampled_from([512, 1024, 2048, 4096]),
        memory_mb=whole(0, 200_000).filter(lambda memory: memory % 1024 != 0) | st.sampled_from([0, 512, 31_744]),
    ),
    mistake("memory_mb", cpu_units=256, memory_mb=st.sampled_from([256, 1536, 3072])),
    mistake("memory_mb", cpu_units=8192, memory_mb=st.sampled_from([15_360, 17_408, 65_536])),
    mistake("memory_mb", cpu_units=16_384, memory_mb=st.sampled_from([24_576, 36_864, 131_072])),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
]
