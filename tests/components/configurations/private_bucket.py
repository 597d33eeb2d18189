from hypothesis import strategies as st

from components.bucket_rules import MIN_AGE_DAYS, STORAGE_CLASSES
from components.private_bucket import CLEANUP_RULE, ArchiveTiering, CorsRule, LifecycleRule, PrivateBucketArgs
from tests.components.configurations.recipes import Recipe, mistake, parts, slips
from tests.components.configurations.values import (
    ACCOUNTS,
    BUCKET_NAMES,
    DIGITS,
    LETTERS,
    NO_ORIGINS,
    ORIGINS,
    STATEMENTS,
    TAGS,
    given,
    inputs,
    led,
    merged,
    names,
    other_than,
    outside,
    several,
    spelled,
    texts,
    whole,
)

MAX_SUFFIX_LENGTH = 10
SUFFIXES = led(LETTERS, LETTERS + DIGITS, 9).map(lambda word: f"-{word}") | led(LETTERS, LETTERS + DIGITS, 10)
PREFIXES = st.sampled_from(["", "raw/", "uploads/films/"])


@st.composite
def ages(draw):
    """Objects move, expire, or move and expire later."""
    storage = draw(st.sampled_from(STORAGE_CLASSES))
    least = MIN_AGE_DAYS.get(storage, 0)
    match draw(st.sampled_from(["moves", "expires", "both"])):
        case "moves":
            return {"transition_after_days": draw(whole(least, 36_500)), "storage_class": storage}
        case "expires":
            return {"expire_after_days": draw(whole(1, 36_500))}
        case _:
            move = draw(whole(least, 36_499))
            expire = draw(whole(move + 1, 36_500))
            return {"transition_after_days": move, "storage_class": storage, "expire_after_days": expire}


RULES = parts(
    LifecycleRule,
    merged(given({"name": texts(255).filter(lambda name: name != CLEANUP_RULE)}, prefix=PREFIXES, tags=TAGS), ages()),
)
TIERINGS = parts(
    ArchiveTiering,
    given(
        {
            "name": spelled(LETTERS + DIGITS + "_.-", 1, 64),
            "prefix": PREFIXES.filter(bool),
            "archive_after_days": whole(90, 730),
        }
    ),
)
PAGES = parts(CorsRule, given({"origins": several(ORIGINS, 1, 4)}))


def _name(recipe):
    return recipe.arguments["name"]


@st.composite
def moving(draw):
    """Rules by age and by last use, no two under one name."""
    rules = draw(several(RULES, 0, 4, unique_by=_name))
    taken = {CLEANUP_RULE, *map(_name, rules)}
    tierings = several(TIERINGS.filter(lambda tiering: _name(tiering) not in taken), 0, 3, unique_by=_name)
    drawn = {"lifecycle_rules": rules, "archive_tierings": draw(tierings)}
    return {field: value for field, value in drawn.items() if value or draw(st.booleans())}


KEEPS_LOG = given({"access_log_bucket": inputs(BUCKET_NAMES)})
RECEIVES_LOGS = given(
    {
        "log_sources": several(st.sampled_from(["buckets", "load_balancers"]), 1, 2),
        "account_id": inputs(ACCOUNTS),
    }
)
VALID = merged(
    names("-" * (MAX_SUFFIX_LENGTH + 1)),
    given(
        {},
        name_suffix=SUFFIXES,
        noncurrent_version_days=whole(1, 36_500),
        cors=PAGES,
        statements=several(STATEMENTS, 0, 3),
        protected=st.booleans(),
    ),
    moving(),
    given({}) | KEEPS_LOG | RECEIVES_LOGS,
)
SOUND_RULE = {"name": "archive", "transition_after_days": 90}
SOUND_TIERING = {"name": "items", "prefix": "items/", "archive_after_days": 365}
SOUND_PAGES = {"origins": ["https://example.com"]}


def _rule(**changes):
    rules = slips(LifecycleRule, SOUND_RULE, **changes).map(lambda rule: [rule])
    return {"owner": LifecycleRule, "lifecycle_rules": rules}


def _tiering(**changes):
    tierings = slips(ArchiveTiering, SOUND_TIERING, **changes).map(lambda tiering: [tiering])
    return {"owner": ArchiveTiering, "archive_tierings": tierings}


def _pages(**changes):
    return {"owner": CorsRule, "cross_origin": slips(CorsRule, SOUND_PAGES, **changes)}


RECEIVER = {"access_log_bucket": None, "log_sources": ["buckets"]}
INVALID = [
    mistake("name_suffix", name_suffix=st.sampled_from(["A", "a_b", "a--b", "-", "a-", "ä", " ", "a.b"])),
    mistake("name_suffix", name_suffix=whole(62, 100).map("x".__mul__)),
    mistake("noncurrent_version_days", noncurrent_version_days=outside(1, 36_500)),
    mistake("lifecycle_rules", lifecycle_rules=RULES.map(lambda rule: [rule, rule])),
    mistake("lifecycle_rules", lifecycle_rules=[Recipe(LifecycleRule, SOUND_RULE | {"name": CLEANUP_RULE})]),
    mistake("archive_tierings", archive_tierings=TIERINGS.map(lambda tiering: [tiering, tiering])),
    mistake(
        "archive_tierings",
        lifecycle_rules=[Recipe(LifecycleRule, SOUND_RULE)],
        archive_tierings=[Recipe(ArchiveTiering, SOUND_TIERING | {"name": "archive"})],
    ),
    mistake("archive_tierings", archive_tierings=[Recipe(ArchiveTiering, SOUND_TIERING | {"name": CLEANUP_RULE})]),
    mistake("log_sources", **RECEIVER | {"account_id": "1" * 12, "log_sources": ["buckets", "buckets"]}),
    mistake(
        "log_sources",
        **RECEIVER | {"account_id": "1" * 12, "log_sources": st.lists(texts(12), min_size=1, max_size=1)},
    ),
    mistake("account_id", **RECEIVER, account_id=None),
    mistake("access_log_bucket", **RECEIVER | {"account_id": "1" * 12, "access_log_bucket": inputs(BUCKET_NAMES)}),
    mistake("name", **_rule(name="")),
    mistake("expire_after_days", **_rule(transition_after_days=None)),
    mistake("expire_after_days", **_rule(expire_after_days=outside(1, 36_500))),
    mistake("transition_after_days", **_rule(transition_after_days=outside(0, 36_500))),
    mistake("storage_class", **_rule(storage_class=other_than(*STORAGE_CLASSES))),
    mistake(
        "transition_after_days",
        **_rule(transition_after_days=whole(0, 29), storage_class=st.sampled_from(sorted(MIN_AGE_DAYS))),
    ),
    mistake("expire_after_days", **_rule(expire_after_days=whole(1, 90))),
    mistake("name", **_tiering(name=st.sampled_from(["", "a b", "a/b", "x" * 65, "a\n"]))),
    mistake("prefix", **_tiering(prefix="")),
    mistake("archive_after_days", **_tiering(archive_after_days=outside(90, 730))),
    mistake("origins", **_pages(origins=[])),
    mistake("origins", **_pages(origins=st.lists(NO_ORIGINS, min_size=1, max_size=1))),
]


@st.composite
def logs_to_itself(draw):
    """A bucket that would log itself, whatever its name is."""
    drawn = draw(names())
    name = PrivateBucketArgs(**drawn).bucket_name
    changes = {**drawn, "name_suffix": "", "log_sources": (), "access_log_bucket": name}
    return draw(mistake("access_log_bucket", **changes))


INVALID.append(logs_to_itself())
