from typing import Any

from hypothesis import strategies as st

from components.bucket_rules import MIN_AGE_DAYS, STORAGE_CLASSES
from components.private_bucket import CLEANUP_RULE, ArchiveTiering, CorsRule, LifecycleRule, PrivateBucketArgs
from tests.components.configurations.deferred import DeferredObject, invalid, invalid_objects, objects
from tests.components.configurations.values import (
    ACCOUNTS,
    BUCKET_NAMES,
    DIGITS,
    INVALID_ORIGINS,
    LETTERS,
    ORIGINS,
    STATEMENTS,
    TAGS,
    arguments,
    identifiers,
    inputs,
    integers,
    merge,
    names,
    other_than,
    outside_range,
    sequences,
    strings,
    texts,
)

MAX_SUFFIX_LENGTH = 10
SUFFIXES = identifiers(LETTERS, LETTERS + DIGITS, 9).map(lambda word: f"-{word}") | identifiers(
    LETTERS, LETTERS + DIGITS, 10
)
PREFIXES = st.sampled_from(["", "raw/", "uploads/films/"])


@st.composite
def ages(draw: Any) -> Any:
    """Draw a transition, an expiration, or a transition and a later expiration."""
    storage = draw(st.sampled_from(STORAGE_CLASSES))
    least = MIN_AGE_DAYS.get(storage, 0)
    match draw(st.sampled_from(["moves", "expires", "both"])):
        case "moves":
            return {"transition_after_days": draw(integers(least, 36_500)), "storage_class": storage}
        case "expires":
            return {"expire_after_days": draw(integers(1, 36_500))}
        case _:
            move = draw(integers(least, 36_499))
            expire = draw(integers(move + 1, 36_500))
            return {"transition_after_days": move, "storage_class": storage, "expire_after_days": expire}


RULES = objects(
    LifecycleRule,
    merge(
        arguments({"name": texts(255).filter(lambda name: name != CLEANUP_RULE)}, prefix=PREFIXES, tags=TAGS), ages()
    ),
)
TIERINGS = objects(
    ArchiveTiering,
    arguments(
        {
            "name": strings(LETTERS + DIGITS + "_.-", 1, 64),
            "prefix": PREFIXES.filter(bool),
            "archive_after_days": integers(90, 730),
        }
    ),
)
PAGES = objects(CorsRule, arguments({"origins": sequences(ORIGINS, 1, 4)}))


def _name(recipe: Any) -> Any:
    return recipe.arguments["name"]


@st.composite
def moving(draw: Any) -> Any:
    """Draw lifecycle rules and archive tierings with different names."""
    rules = draw(sequences(RULES, 0, 4, unique_by=_name))
    taken = {CLEANUP_RULE, *map(_name, rules)}
    tierings = sequences(TIERINGS.filter(lambda tiering: _name(tiering) not in taken), 0, 3, unique_by=_name)
    drawn: dict[str, Any] = {"lifecycle_rules": rules, "archive_tierings": draw(tierings)}
    return {field: value for field, value in drawn.items() if value or draw(st.booleans())}


KEEPS_LOG = arguments({"access_log_bucket": inputs(BUCKET_NAMES)})
RECEIVES_LOGS = arguments(
    {
        "log_sources": sequences(st.sampled_from(["buckets", "load_balancers"]), 1, 2),
        "account_id": inputs(ACCOUNTS),
    }
)
VALID = merge(
    names("-" * (MAX_SUFFIX_LENGTH + 1)),
    arguments(
        {},
        name_suffix=SUFFIXES,
        noncurrent_version_days=integers(1, 36_500),
        cors=PAGES,
        statements=sequences(STATEMENTS, 0, 3),
        protected=st.booleans(),
    ),
    moving(),
    arguments({}) | KEEPS_LOG | RECEIVES_LOGS,
)
SOUND_RULE = {"name": "archive", "transition_after_days": 90}
SOUND_TIERING = {"name": "items", "prefix": "items/", "archive_after_days": 365}
SOUND_PAGES = {"origins": ["https://example.com"]}


def _rule(**changes: Any) -> Any:
    rules = invalid_objects(LifecycleRule, SOUND_RULE, **changes).map(lambda rule: [rule])
    return {"owner": LifecycleRule, "lifecycle_rules": rules}


def _tiering(**changes: Any) -> Any:
    tierings = invalid_objects(ArchiveTiering, SOUND_TIERING, **changes).map(lambda tiering: [tiering])
    return {"owner": ArchiveTiering, "archive_tierings": tierings}


def _pages(**changes: Any) -> Any:
    return {"owner": CorsRule, "cross_origin": invalid_objects(CorsRule, SOUND_PAGES, **changes)}


RECEIVER = {"access_log_bucket": None, "log_sources": ["buckets"]}
INVALID = [
    invalid("name_suffix", name_suffix=st.sampled_from(["A", "a_b", "a--b", "-", "a-", "ä", " ", "a.b"])),
    invalid("name_suffix", name_suffix=integers(62, 100).map("x".__mul__)),
    invalid("noncurrent_version_days", noncurrent_version_days=outside_range(1, 36_500)),
    invalid("lifecycle_rules", lifecycle_rules=RULES.map(lambda rule: [rule, rule])),
    invalid("lifecycle_rules", lifecycle_rules=[DeferredObject(LifecycleRule, SOUND_RULE | {"name": CLEANUP_RULE})]),
    invalid("archive_tierings", archive_tierings=TIERINGS.map(lambda tiering: [tiering, tiering])),
    invalid(
        "archive_tierings",
        lifecycle_rules=[DeferredObject(LifecycleRule, SOUND_RULE)],
        archive_tierings=[DeferredObject(ArchiveTiering, SOUND_TIERING | {"name": "archive"})],
    ),
    invalid(
        "archive_tierings", archive_tierings=[DeferredObject(ArchiveTiering, SOUND_TIERING | {"name": CLEANUP_RULE})]
    ),
    invalid("log_sources", **RECEIVER | {"account_id": "1" * 12, "log_sources": ["buckets", "buckets"]}),
    invalid(
        "log_sources",
        **RECEIVER | {"account_id": "1" * 12, "log_sources": st.lists(texts(12), min_size=1, max_size=1)},
    ),
    invalid("account_id", **RECEIVER, account_id=None),
    invalid("access_log_bucket", **RECEIVER | {"account_id": "1" * 12, "access_log_bucket": inputs(BUCKET_NAMES)}),
    invalid("name", **_rule(name="")),
    invalid("expire_after_days", **_rule(transition_after_days=None)),
    invalid("expire_after_days", **_rule(expire_after_days=outside_range(1, 36_500))),
    invalid("transition_after_days", **_rule(transition_after_days=outside_range(0, 36_500))),
    invalid("storage_class", **_rule(storage_class=other_than(*STORAGE_CLASSES))),
    invalid(
        "transition_after_days",
        **_rule(transition_after_days=integers(0, 29), storage_class=st.sampled_from(sorted(MIN_AGE_DAYS))),
    ),
    invalid("expire_after_days", **_rule(expire_after_days=integers(1, 90))),
    invalid("name", **_tiering(name=st.sampled_from(["", "a b", "a/b", "x" * 65, "a\n"]))),
    invalid("prefix", **_tiering(prefix="")),
    invalid("archive_after_days", **_tiering(archive_after_days=outside_range(90, 730))),
    invalid("origins", **_pages(origins=[])),
    invalid("origins", **_pages(origins=st.lists(INVALID_ORIGINS, min_size=1, max_size=1))),
]


@st.composite
def logs_to_itself(draw: Any) -> Any:
    """Draw a bucket that is its own log bucket."""
    drawn = draw(names())
    name = PrivateBucketArgs(**drawn).bucket_name
    changes: dict[str, Any] = {**drawn, "name_suffix": "", "log_sources": (), "access_log_bucket": name}
    return draw(invalid("access_log_bucket", **changes))


INVALID.append(logs_to_itself())
