import string

from hypothesis import strategies as st

from components.content_delivery import MAX_KEYS_PER_GROUP
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    BUCKET_NAMES,
    BUCKETS,
    CAPITALS,
    CERTIFICATES,
    DIGITS,
    LETTERS,
    NO_HOSTS,
    NO_ORIGINS,
    ORIGINS,
    SUFFIX,
    arns,
    given,
    hosts,
    inputs,
    led,
    merged,
    names,
    other_than,
    repeated,
    several,
    spelled,
    whole,
    words,
)

PRICE_CLASSES = ("PriceClass_100", "PriceClass_200", "PriceClass_All")
MAX_KEY_NAME_LENGTH = 12
# Of a source and of a destination of log deliveries.
MAX_NAME_LENGTH = 60
BASE64 = string.ascii_letters + DIGITS + "+/"
STEPS = led(LETTERS + CAPITALS + DIGITS + "_-", LETTERS + CAPITALS + DIGITS + "_.-", 8)
PREFIXES = st.lists(STEPS, min_size=1, max_size=3).map(lambda steps: "".join(f"{step}/" for step in steps))
PEMS = st.builds(
    lambda lines, last, end: "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, last, f"-----END PUBLIC KEY-----{end}"]),
    st.lists(spelled(BASE64, 64, 64), max_size=2),
    spelled(BASE64, 1, 64),
    st.sampled_from(["", "\n"]),
)
KEY_NAMES = words(MAX_KEY_NAME_LENGTH)
COUNTRIES = spelled(CAPITALS, 2, 2)
CERTIFICATES_THERE = arns("acm", words(20).map("certificate/".__add__), region=st.just("us-east-1"))


@st.composite
def shown(draw):
    """Prefixes of which none lies in another, some to everybody, some by signature."""
    every = draw(st.lists(PREFIXES, min_size=1, max_size=6, unique=True))
    apart = [one for one in every if not any(one != other and one.startswith(other) for other in every)]
    public = draw(whole(0, len(apart)))
    drawn = {"public_prefixes": apart[:public], "private_prefixes": apart[public:]}
    drawn = {field: prefixes for field, prefixes in drawn.items() if prefixes or draw(st.booleans())}
    keys = st.dictionaries(KEY_NAMES, PEMS, min_size=1, max_size=MAX_KEYS_PER_GROUP)
    if apart[public:] or draw(st.booleans()):
        drawn["signing_public_keys"] = draw(keys)
    return drawn


ADDRESSES = given({}) | given({"aliases": several(hosts(), 1, 4), "certificate_arn": inputs(CERTIFICATES_THERE)})
COUNTRY_RULES = given({}, geo_restriction=st.just("none"), geo_locations=st.just(())) | given(
    {"geo_restriction": st.sampled_from(["whitelist", "blacklist"]), "geo_locations": several(COUNTRIES, 1, 5)}
)
VALID = merged(
    names("-access", "-refusal", f"-key-{'x' * MAX_KEY_NAME_LENGTH}{SUFFIX}", longest=MAX_NAME_LENGTH),
    shown(),
    ADDRESSES,
    COUNTRY_RULES,
    given(
        {
            "bucket_arn": inputs(BUCKETS),
            "bucket_regional_domain_name": inputs(BUCKET_NAMES.map("{}.s3.us-east-1.amazonaws.com".format)),
        },
        cors_origins=several(ORIGINS, 0, 3),
        price_class=st.sampled_from(PRICE_CLASSES),
        access_log_bucket_arn=inputs(BUCKETS),
    ),
)
NO_PREFIXES = st.sampled_from(
    ["", "/", "thumbnails", "/thumbnails/", "a//b/", "../", "a/../", ".hidden/", "a b/", "*/", "a/*"]
)
PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"
NO_PEMS = st.sampled_from(
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
    mistake("resource_name", resource_name=""),
    mistake("public_prefixes", public_prefixes=[], private_prefixes=[]),
    mistake("public_prefixes", public_prefixes=NO_PREFIXES.map(lambda prefix: [prefix])),
    mistake(
        "private_prefixes",
        public_prefixes=[],
        signing_public_keys=KEYS,
        private_prefixes=NO_PREFIXES.map(lambda prefix: [prefix]),
    ),
    mistake("public_prefixes", private_prefixes=[], public_prefixes=repeated(PREFIXES)),
    mistake(
        "public_prefixes",
        private_prefixes=[],
        public_prefixes=PREFIXES.map(lambda prefix: [prefix, f"{prefix}inside/"]),
    ),
    mistake(
        "private_prefixes",
        signing_public_keys=KEYS,
        public_prefixes=["thumbnails/"],
        private_prefixes=PREFIXES.map(lambda prefix: [f"thumbnails/{prefix}"]),
    ),
    mistake("signing_public_keys", public_prefixes=[], private_prefixes=["films/"], signing_public_keys={}),
    mistake(
        "signing_public_keys", signing_public_keys={f"key-{number}": PEM for number in range(MAX_KEYS_PER_GROUP + 1)}
    ),
    mistake(
        "signing_public_keys",
        signing_public_keys=st.sampled_from(["", "Key", "a_b", "-a", "a--b"]).map(lambda name: {name: PEM}),
    ),
    mistake("signing_public_keys", signing_public_keys=NO_PEMS.map(lambda pem: {"first": pem})),
    mistake("aliases", aliases=repeated(hosts()), certificate_arn=inputs(CERTIFICATES_THERE)),
    mistake("aliases", aliases=NO_HOSTS.map(lambda host: [host]), certificate_arn=inputs(CERTIFICATES_THERE)),
    mistake("certificate_arn", aliases=several(hosts(), 1, 2), certificate_arn=None),
    mistake("certificate_arn", aliases=[], certificate_arn=inputs(CERTIFICATES_THERE)),
    mistake(
        "certificate_arn",
        aliases=["media.example.com"],
        certificate_arn=CERTIFICATES.filter(lambda arn: ":us-east-1:" not in arn),
    ),
    mistake("cors_origins", cors_origins=NO_ORIGINS.map(lambda origin: [origin])),
    mistake("price_class", price_class=other_than(*PRICE_CLASSES)),
    mistake("geo_restriction", geo_restriction=other_than("none", "whitelist", "blacklist")),
    mistake("geo_locations", geo_restriction="whitelist", geo_locations=repeated(COUNTRIES)),
    mistake(
        "geo_locations", geo_restriction="whitelist", geo_locations=st.sampled_from([["de"], ["DEU"], [""], ["D1"]])
    ),
    mistake("geo_locations", geo_restriction=st.sampled_from(["whitelist", "blacklist"]), geo_locations=[]),
    mistake("geo_locations", geo_restriction="none", geo_locations=several(COUNTRIES, 1, 3)),
]
