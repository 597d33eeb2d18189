"""Strategies of values for configurations: names and texts up to their limits, ids and ARNs as AWS writes them."""

import string
from collections.abc import Mapping
from typing import Any

import pulumi
from hypothesis import strategies as st

from components.arguments import LOG_RETENTION_DAYS
from components.naming import MAX_NAME_LENGTH, Naming
from components.placement import Egress, Placement
from tests.components.configurations.deferred import DeferredObject, DeferredOutput, invalid, invalid_objects, objects

Strategy = st.SearchStrategy[Any]

LETTERS, DIGITS, CAPITALS = string.ascii_lowercase, string.digits, string.ascii_uppercase
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1")
# Leaves nearly all of a physical name to the resource name.
SHORTEST_NAMING = Naming("p", "e")
INVALID_REGIONS = st.sampled_from(["", "us-east", "US-EAST-1", "us-east-1a", "useast1", "*", "us-east-1 "])
# The length of the suffix of a replaceable name.
SUFFIX = "-012345"


def arguments(required: Mapping[str, Strategy], **optional: Strategy) -> Strategy:
    """Return arguments: all of the required ones, and any of the others."""
    return st.fixed_dictionaries(dict(required), optional=optional)


def merge(*strategies: Strategy) -> Strategy:
    """Return the arguments of several strategies together."""
    return st.tuples(*strategies).map(lambda drawn: {name: value for each in drawn for name, value in each.items()})


def inputs(strategy: Strategy) -> Strategy:
    """Return a value, or an output with that value."""
    return st.tuples(strategy, st.booleans()).map(lambda drawn: DeferredOutput(drawn[0]) if drawn[1] else drawn[0])


def sequences(strategy: Strategy, low: int, high: int, *, unique_by: Any = None) -> Strategy:
    """Return a list or a tuple of different values."""
    lists = st.lists(strategy, min_size=low, max_size=high, unique_by=unique_by or repr)
    return st.one_of(lists, lists.map(tuple))


def with_duplicate(strategy: Strategy) -> Strategy:
    """Return a list with the same value twice."""
    return strategy.map(lambda value: [value, value])


def integers(low: int, high: int) -> Strategy:
    """Return integers from `low` to `high`, often one of the two."""
    return st.one_of(st.integers(low, high), st.just(low), st.just(high))


def outside_range(low: int, high: int) -> Strategy:
    """Return values other than integers from `low` to `high`, often just outside."""
    far = st.integers(max_value=low - 1) | st.integers(min_value=high + 1)
    return st.one_of(st.just(low - 1), st.just(high + 1), far, st.floats(low, high) | st.sampled_from([str(low), True]))


def other_than(*choices: Any) -> Strategy:
    """Return values other than the choices."""
    numbers = st.integers() if isinstance(choices[0], int) else st.nothing()
    return st.one_of(texts(12), numbers).filter(lambda value: value not in choices)


def texts(longest: int, *, shortest: int = 1) -> Strategy:
    """Return texts in any script; long ones repeat a character, because drawing thousands would take too long."""
    printed = st.text(st.characters(exclude_categories=("C",)), min_size=shortest, max_size=min(longest, 20))
    return st.one_of(printed, integers(shortest, longest).map("x".__mul__))


def texts_longer_than(longest: int) -> Strategy:
    """Return texts with more characters than this."""
    return integers(longest + 1, 2 * longest + 10).map("x".__mul__)


def strings(alphabet: str, low: int, high: int) -> Strategy:
    """Return strings of these characters."""
    return st.text(alphabet, min_size=low, max_size=high)


def identifiers(first: str, rest: str, longest: int) -> Strategy:
    """Return strings of up to `longest` characters, the first of them from `first`."""
    return st.builds(str.__add__, st.sampled_from(first), strings(rest, 0, longest - 1))


def kebab_case(longest: int = 12) -> Strategy:
    """Return lower-case words joined by hyphens, with a letter first."""
    word = identifiers(LETTERS, LETTERS + DIGITS, 6)
    return st.lists(word, min_size=1, max_size=3).map(lambda drawn: "-".join(drawn)[:longest].rstrip("-"))


# Reserved prefixes of security groups (`sg-`), load balancers (`internal-`), buckets and parameters.
RESERVED = ("sg", "internal", "sthree", "amzn", "aws", "ssm")


@st.composite
def names(draw: Any, *roles: str, longest: int = MAX_NAME_LENGTH, resource_name: bool = True) -> dict[str, Any]:
    """Draw `naming`, and `resource_name` if the component has one, whose names fit into `longest` characters, often exactly.

    The names are `{project}-{resource_name}{role}-{environment}`, or `{project}-{role}-{environment}` without a resource name.
    """
    environment, named = draw(kebab_case(8)), draw(kebab_case(8)) if resource_name else ""
    fixed = max(len(f"-{named}{role}-{environment}") for role in roles or ("",))
    room = longest - fixed
    project = draw(kebab_case(min(room, 20)).filter(lambda name: not name.startswith(RESERVED)))
    if draw(st.booleans()):
        project = project.ljust(room, "x")
    naming = Naming(project, environment)
    return {"naming": naming, "resource_name": named} if resource_name else {"naming": naming}


LABELS = identifiers(LETTERS + DIGITS, LETTERS + DIGITS, 10)
TOP_LEVELS = st.sampled_from(["com", "io", "museum"])


def hosts(longest: int = 253) -> Strategy:
    """Return host names, some of exactly `longest` characters."""
    joined = st.builds(
        lambda labels, top: ".".join([*labels, top]), st.lists(LABELS, min_size=1, max_size=4), TOP_LEVELS
    )

    def stretched(host: str) -> str:
        while len(host) < longest - 1:
            host = f"{'x' * min(60, longest - len(host) - 1)}.{host}"
        return host

    return st.one_of(joined, joined.map(stretched))


INVALID_HOSTS = st.sampled_from(
    [
        "",
        "localhost",
        "*.example.com",
        "Example.com",
        "a_b.com",
        "-a.com",
        "a-.com",
        "a..com",
        "https://a.com",
        "a.com.",
    ]
)
MAILS = st.builds("{}@{}".format, identifiers(LETTERS, LETTERS + DIGITS + ".+", 12), hosts(64))
INVALID_MAILS = st.sampled_from(
    ["", "nobody", "a@b", "a b@example.com", "@example.com", "a@b@example.com", "a@example."]
)
ORIGINS = st.builds(
    "{}://{}{}".format, st.sampled_from(["https", "http"]), hosts(64), st.sampled_from(["", ":3000", ":65535"])
)
INVALID_ORIGINS = st.sampled_from(
    ["", "*", "https://*.example.com", "https://example.com/", "example.com", "ftp://a.com"]
)
PATHS = st.lists(strings(LETTERS + DIGITS + "._~-", 1, 8), max_size=3).map(lambda steps: "/" + "/".join(steps))
INVALID_PATHS = st.sampled_from(["", "health", "/a b", "/health?full=1", "/'", "/a\n"])

ACCOUNTS = strings(DIGITS, 12, 12)
ZONES = strings(CAPITALS + DIGITS, 10, 20).map("Z".__add__)
SUBNETS = strings(DIGITS + "abcdef", 8, 17).map("subnet-".__add__)
NETWORKS = strings(DIGITS + "abcdef", 8, 17).map("vpc-".__add__)
GROUPS = strings(DIGITS + "abcdef", 8, 17).map("sg-".__add__)
RETENTIONS = st.sampled_from(LOG_RETENTION_DAYS)
INVALID_RETENTIONS = other_than(*LOG_RETENTION_DAYS)


def arns(service: str, resource: Strategy, *, region: Strategy | None = None, account: Strategy = ACCOUNTS) -> Strategy:
    """Return ARNs of a service."""
    return st.builds(
        "arn:{}:{}:{}:{}:{}".format,
        st.sampled_from(["aws", "aws-us-gov"]),
        st.just(service),
        st.sampled_from(REGIONS) if region is None else region,
        account,
        resource,
    )


KEYS = arns("kms", strings(DIGITS + "abcdef", 8, 8).map("key/".__add__))
BUCKET_NAMES = identifiers(LETTERS, LETTERS + DIGITS + "-", 60).map("b{}1".format)
BUCKETS = arns("s3", BUCKET_NAMES, region=st.just(""), account=st.just(""))
ROLES = arns("iam", identifiers(LETTERS, LETTERS + DIGITS + "-", 64).map("role/".__add__), region=st.just(""))
QUEUES = arns("sqs", kebab_case(40))
FUNCTIONS = arns("lambda", kebab_case(40).map("function:".__add__))
CERTIFICATES = arns("acm", strings(DIGITS + "abcdef", 8, 8).map("certificate/".__add__))
SECRETS = arns("secretsmanager", kebab_case(20).map("secret:films/{}-AbCdEf".format))

STATEMENTS = arguments(
    {
        "Sid": identifiers(CAPITALS, LETTERS, 10),
        "Effect": st.just("Allow"),
        "Action": st.lists(st.sampled_from(["s3:GetObject", "sqs:SendMessage", "kms:Decrypt"]), min_size=1, max_size=3),
        "Resource": st.lists(inputs(BUCKETS), min_size=1, max_size=3),
    },
    Condition=st.builds(lambda account: {"StringEquals": {"aws:SourceAccount": account}}, inputs(ACCOUNTS)),
)
VARIABLE_NAMES = identifiers(CAPITALS + LETTERS, CAPITALS + LETTERS + DIGITS + "_", 14).map("P{}".format)
TAGS = st.dictionaries(identifiers(CAPITALS, LETTERS, 10), texts(20), max_size=4)

EGRESS_TARGETS = st.one_of(
    *(
        st.builds(lambda field, value: {field: value}, st.just(field), values)
        for field, values in {
            "security_group_id": inputs(GROUPS),
            "prefix_list_id": inputs(strings(DIGITS + "abcdef", 8, 17).map("pl-".__add__)),
            "cidr": st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32"]),
        }.items()
    )
)
EGRESS_RULES = objects(
    Egress,
    merge(arguments({"description": strings(LETTERS + " ", 1, 40)}, port=integers(1, 65_535)), EGRESS_TARGETS),
)
SUBNET_LISTS = sequences(inputs(SUBNETS), 1, 6)
PAIRS_OF_SUBNETS = sequences(inputs(SUBNETS), 2, 6)
FEWER_THAN_TWO_SUBNETS = sequences(inputs(SUBNETS), 0, 1)
PLACEMENTS = objects(
    Placement,
    arguments(
        {"vpc_id": inputs(NETWORKS), "subnet_ids": SUBNET_LISTS},
        egress=st.dictionaries(kebab_case(), EGRESS_RULES, max_size=4),
    ),
)


def _placement(egress: Any) -> DeferredObject:
    return DeferredObject(Placement, {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1"], "egress": {"there": egress}})


INVALID_PLACEMENTS = [
    invalid("subnet_ids", owner=Placement, placement=invalid_objects(Placement, {"vpc_id": "vpc-1"}, subnet_ids=[])),
    invalid(
        "port",
        owner=Egress,
        placement=invalid_objects(
            Egress, {"description": "there", "cidr": "10.0.0.0/8"}, port=outside_range(1, 65_535)
        ).map(_placement),
    ),
    invalid(
        "security_group_id",
        owner=Egress,
        placement=st.one_of(
            invalid_objects(Egress, {"description": "nowhere"}),
            invalid_objects(Egress, {"description": "two"}, cidr="10.0.0.0/8", prefix_list_id=inputs(st.just("pl-1"))),
            invalid_objects(
                Egress, {"description": "three"}, cidr="10.0.0.0/8", prefix_list_id="p", security_group_id="g"
            ),
        ).map(_placement),
    ),
]
CODE = pulumi.AssetArchive({"worker.py": pulumi.StringAsset("def handle(event, context): ...")})
