from hypothesis import strategies as st

from components.backup_plan import MAX_RETENTION_DAYS, BackupRule
from tests.components.configurations.recipes import mistake, parts, slips
from tests.components.configurations.schedule import CRONS, NO_CRONS, RATES
from tests.components.configurations.values import (
    KEYS,
    arns,
    given,
    inputs,
    merged,
    names,
    outside,
    repeated,
    several,
    whole,
    words,
)

# Of a vault, a plan, a selection and a rule.
MAX_NAME_LENGTH = 50


RULES = parts(
    BackupRule,
    given({"name": words(MAX_NAME_LENGTH), "schedule": CRONS, "delete_after_days": whole(1, MAX_RETENTION_DAYS)}),
)
VALID = merged(
    names("backups", longest=MAX_NAME_LENGTH, resource_name=False),
    given(
        {
            "rules": several(RULES, 1, 4, unique_by=lambda rule: rule.arguments["name"]),
            "resource_arns": several(inputs(arns("rds", words(20).map("db:".__add__))), 1, 5),
        },
        key_arn=inputs(KEYS),
        protected=st.booleans(),
    ),
)
RULE = {"name": "monthly", "schedule": "cron(0 7 1 * ? *)", "delete_after_days": 365}


def _rule(**changes):
    return {"owner": BackupRule, "rules": slips(BackupRule, RULE, **changes).map(lambda rule: [rule])}


INVALID = [
    mistake("rules", rules=[]),
    mistake("rules", rules=repeated(RULES)),
    mistake("resource_arns", resource_arns=[]),
    mistake("name", **_rule(name=st.sampled_from(["", "Monthly", "a_b", "a--b", "-a", "a-"]))),
    mistake("schedule", **_rule(schedule=NO_CRONS | RATES)),
    mistake("delete_after_days", **_rule(delete_after_days=outside(1, MAX_RETENTION_DAYS))),
]
