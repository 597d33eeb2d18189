from hypothesis import strategies as st

from components.backup_plan import LEAST_COLD_DAYS, LONGEST_DAYS, BackupRule
from tests.components.configurations.recipes import mistake, parts, slips
from tests.components.configurations.schedule import CRONS, NO_CRONS, RATES
from tests.components.configurations.values import (
    KEYS,
    LETTERS,
    arns,
    given,
    inputs,
    led,
    merged,
    names,
    outside,
    repeated,
    several,
    texts,
    whole,
    words,
)

# Of a vault, a plan, a selection and a rule.
LONGEST_NAME = 50


@st.composite
def lifetimes(draw):
    """What is moved to cold storage stays there for as long as AWS asks."""
    if draw(st.booleans()):
        return {"delete_after_days": draw(whole(1, LONGEST_DAYS))}
    cold = draw(whole(1, LONGEST_DAYS - LEAST_COLD_DAYS))
    kept = whole(cold + LEAST_COLD_DAYS, LONGEST_DAYS)
    return {"cold_after_days": cold, "delete_after_days": draw(kept)}


@st.composite
def windows(draw):
    """A backup has an hour at least to be completed in once its start has been waited for."""
    start = draw(whole(60, 1_440))
    complete = {"complete_within_minutes": draw(whole(max(120, start + 60), 10_080))}
    return draw(st.sampled_from([complete | {"start_within_minutes": start}, {}]))


RULES = parts(BackupRule, merged(given({"name": words(LONGEST_NAME), "schedule": CRONS}), lifetimes(), windows()))
PROTECTED = st.one_of(
    given({"resource_arns": several(inputs(arns("rds", words(20).map("db:".__add__))), 1, 5)}),
    given({"tags": st.dictionaries(led("B", LETTERS, 10), texts(20), min_size=1, max_size=4)}),
)
VALID = merged(
    names("backups", longest=LONGEST_NAME, thing=False),
    PROTECTED,
    given(
        {},
        rules=several(RULES, 1, 4, unique_by=lambda rule: rule.arguments["name"]),
        buckets=st.booleans(),
        key_arn=inputs(KEYS),
        lock=st.booleans(),
        protected=st.booleans(),
    ),
)
RULE = {"name": "monthly", "schedule": "cron(0 7 1 * ? *)", "delete_after_days": 365}


def _rule(**changes):
    return {"owner": BackupRule, "rules": slips(BackupRule, RULE, **changes).map(lambda rule: [rule])}


INVALID = [
    mistake("rules", rules=[]),
    mistake("rules", rules=repeated(RULES)),
    mistake("resource_arns", resource_arns=[], tags={}),
    mistake(
        "resource_arns", resource_arns=["arn:aws:rds:us-east-1:123456789012:db:films"], tags={"Backup": "critical"}
    ),
    mistake("name", **_rule(name=st.sampled_from(["", "Monthly", "a_b", "a--b", "-a", "a-"]))),
    mistake("schedule", **_rule(schedule=NO_CRONS | RATES)),
    mistake("delete_after_days", **_rule(delete_after_days=outside(1, LONGEST_DAYS))),
    mistake("cold_after_days", **_rule(cold_after_days=outside(1, LONGEST_DAYS))),
    mistake("delete_after_days", **_rule(cold_after_days=whole(366 - LEAST_COLD_DAYS, LONGEST_DAYS))),
    mistake("start_within_minutes", **_rule(start_within_minutes=outside(60, 1_440))),
    mistake("complete_within_minutes", **_rule(complete_within_minutes=outside(120, 10_080))),
    mistake(
        "complete_within_minutes",
        **_rule(start_within_minutes=whole(600, 1_440), complete_within_minutes=whole(120, 659)),
    ),
]
