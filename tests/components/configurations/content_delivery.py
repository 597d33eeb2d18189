import string
from typing import Any

from hypothesis import strategies as st

from components.content_delivery import MAX_KEYS_PER_GROUP
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    BUCKET_NAMES,
    BUCKETS,
    CAPITALS,
    CERTIFICATES,
    DIGITS,
    INVALID_HOSTS,
    INVALID_ORIGINS,
    LETTERS,
    ORIGINS,
    SUFFIX,
    arguments,
    arns,
    hosts,
    identifiers,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    other_than,
    sequences,
    strings,
    with_duplicate,
)

PRICE_CLASSES = ("PriceClass_100", "PriceClass_200", "PriceClass_All")
MAX_KEY_NAME_LENGTH = 12
# The limit for sources and destinations of log deliveries.
MAX_NAME_LENGTH = 60
BASE64 = string.ascii_letters + DIGITS + "+/"
STEPS = identifiers(LETTERS + CAPITALS + DIGITS + "_-", LETTERS + CAPITALS + DIGITS + "_.-", 8)
PREFIXES = st.lists(STEPS, min_size=1, max_size=3).map(lambda steps: "".join(f"{step}/" for step in steps))
PEMS = st.builds(
    lambda lines, last, end: "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, last, f"-----END PUBLIC KEY-----{end}"]),
    st.lists(strings(BASE64, 64, 64), max_size=2),
    strings(BASE64, 1, 64),
    st.sampled_from(["", "\n"]),
)
KEY_NAMES = kebab_case(MAX_KEY_NAME_LENGTH)
COUNTRIES = strings(CAPITALS, 2, 2)
CERTIFICATES_THERE = arns("acm", kebab_case(20).map("certificate/".__add__), region=st.just("us-east-1"))


@st.composite
def shown(draw: Any) -> Any:
    """Draw public and private prefixes, none of which contains another."""
    every = draw(st.lists(PREFIXES, min_size=1, max_size=6, unique=True))
    apart = [one for one in every if not any(one != other and one.startswith(other) for other in every)]
    public = draw(integers(0, len(apart)))
    drawn = {"public_prefixes": apart[:public], "private_prefixes": apart[public:]}
    drawn = {field: prefixes for field, prefixes in drawn.items() if prefixes or draw(st.booleans())}
    keys = st.dictionaries(KEY_NAMES, PEMS, min_size=1, max_size=MAX_KEYS_PER_GROUP)
    if apart[public:] or draw(st.booleans()):
        drawn["signing_public_keys"] = draw(keys)
    return drawn


ADDRESSES = arguments({}) | arguments(
    {"aliases": sequences(hosts(), 1, 4), "certificate_arn": inputs(CERTIFICATES_THERE)}
)
COUNTRY_RULES = arguments({}, geo_restriction=st.just("none"), geo_locations=st.just(())) | arguments(
    {"geo_restriction": st.sampled_from(["whitelist", "blacklist"]), "geo_locations": sequences(COUNTRIES, 1, 5)}
)
VALID = merge(
    names("-access", "-refusal", f"-key-{'x' * MAX_KEY_NAME_LENGTH}{SUFFIX}", longest=MAX_NAME_LENGTH),
    shown(),
    ADDRESSES,
    COUNTRY_RULES,
    arguments(
        {
            "bucket_arn": inputs(BUCKETS),
            "bucket_regional_domain_name": inputs(BUCKET_NAMES.map("{}.s3.us-east-1.amazonaws.com".format)),
        },
        cors_origins=sequences(ORIGINS, 0, 3),
        price_class=st.sampled_from(PRICE_CLASSES),
        access_log_bucket_arn=inputs(BUCKETS),
    ),
)
INVALID_PREFIXES = st.sampled_from(
    ["", "/", "thumbnails", "/thumbnails/", "a//b/", "../", "a/../", ".hidden/", "a b/", "*/", "a/*"]
)
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"
INVALID_PEMS = st.sampled_from(
    [
        "",
        "MIIB",
        PEM.replace("PUBLIC", "PRIVATE"),
        PEM.replace("\n", ""),
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
    ]
)
KEYS = {"first": PEM}
INVALID = [
    invalid("resource_name", resource_name=""),
    invalid("public_prefixes", public_prefixes=[], private_prefixes=[]),
    invalid("public_prefixes", public_prefixes=INVALID_PREFIXES.map(lambda prefix: [prefix])),
    invalid(
        "private_prefixes",
        public_prefixes=[],
        signing_public_keys=KEYS,
        private_prefixes=INVALID_PREFIXES.map(lambda prefix: [prefix]),
    ),
    invalid("public_prefixes", private_prefixes=[], public_prefixes=with_duplicate(PREFIXES)),
    invalid(
        "public_prefixes",
        private_prefixes=[],
        public_prefixes=PREFIXES.map(lambda prefix: [prefix, f"{prefix}inside/"]),
    ),
    invalid(
        "private_prefixes",
        signing_public_keys=KEYS,
        public_prefixes=["thumbnails/"],
        private_prefixes=PREFIXES.map(lambda prefix: [f"thumbnails/{prefix}"]),
    ),
    invalid(
        "public_prefixes",
        signing_public_keys=KEYS,
        public_prefixes=st.sampled_from([["films/"], ["films/raw/"]]),
        private_prefixes=["films/"],
    ),
    invalid("signing_public_keys", public_prefixes=[], private_prefixes=["films/"], signing_public_keys={}),
    invalid(
        "signing_public_keys", signing_public_keys={f"key-{number}": PEM for number in range(MAX_KEYS_PER_GROUP + 1)}
    ),
    invalid(
        "signing_public_keys",
        signing_public_keys=st.sampled_from(["", "Key", "a_b", "-a", "a--b"]).map(lambda name: {name: PEM}),
    ),
    invalid("signing_public_keys", signing_public_keys=INVALID_PEMS.map(lambda pem: {"first": pem})),
    invalid("aliases", aliases=with_duplicate(hosts()), certificate_arn=inputs(CERTIFICATES_THERE)),
    invalid("aliases", aliases=INVALID_HOSTS.map(lambda host: [host]), certificate_arn=inputs(CERTIFICATES_THERE)),
    invalid("certificate_arn", aliases=sequences(hosts(), 1, 2), certificate_arn=None),
    invalid("certificate_arn", aliases=[], certificate_arn=inputs(CERTIFICATES_THERE)),
    invalid(
        "certificate_arn",
        aliases=["media.example.com"],
        certificate_arn=CERTIFICATES.filter(lambda arn: ":us-east-1:" not in arn),
    ),
    invalid("cors_origins", cors_origins=INVALID_ORIGINS.map(lambda origin: [origin])),
    invalid("price_class", price_class=other_than(*PRICE_CLASSES)),
    invalid("geo_restriction", geo_restriction=other_than("none", "whitelist", "blacklist")),
    invalid("geo_locations", geo_restriction="whitelist", geo_locations=with_duplicate(COUNTRIES)),
    invalid(
        "geo_locations", geo_restriction="whitelist", geo_locations=st.sampled_from([["de"], ["DEU"], [""], ["D1"]])
    ),
    invalid("geo_locations", geo_restriction=st.sampled_from(["whitelist", "blacklist"]), geo_locations=[]),
    invalid("geo_locations", geo_restriction="none", geo_locations=sequences(COUNTRIES, 1, 3)),
]
