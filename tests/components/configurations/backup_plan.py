from typing import Any

from hypothesis import strategies as st

from components.backup_plan import MAX_RETENTION_DAYS, BackupRule
from tests.components.configurations.deferred import invalid, invalid_objects, objects
from tests.components.configurations.schedule import CRONS, INVALID_CRONS, RATES
from tests.components.configurations.values import (
    KEYS,
    arguments,
    arns,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    outside_range,
    sequences,
    with_duplicate,
)

# The limit for vaults, plans, selections and rules.
MAX_NAME_LENGTH = 50


RULES = objects(
    BackupRule,
    arguments(
        {"name": kebab_case(MAX_NAME_LENGTH), "schedule": CRONS, "delete_after_days": integers(1, MAX_RETENTION_DAYS)}
    ),
)
VALID = merge(
    names("backups", longest=MAX_NAME_LENGTH, resource_name=False),
    arguments(
        {
            "rules": sequences(RULES, 1, 4, unique_by=lambda rule: rule.arguments["name"]),
            "resource_arns": sequences(inputs(arns("rds", kebab_case(20).map("db:".__add__))), 1, 5),
        },
        key_arn=inputs(KEYS),
        protected=st.booleans(),
    ),
)
RULE = {"name": "monthly", "schedule": "cron(0 7 1 * ? *)", "delete_after_days": 365}


def _rule(**changes: Any) -> Any:
    return {"owner": BackupRule, "rules": invalid_objects(BackupRule, RULE, **changes).map(lambda rule: [rule])}


INVALID = [
    invalid("rules", rules=[]),
    invalid("rules", rules=with_duplicate(RULES)),
    invalid("resource_arns", resource_arns=[]),
    invalid("name", **_rule(name=st.sampled_from(["", "Monthly", "a_b", "a--b", "-a", "a-"]))),
    invalid("schedule", **_rule(schedule=INVALID_CRONS | RATES)),
    invalid("delete_after_days", **_rule(delete_after_days=outside_range(1, MAX_RETENTION_DAYS))),
]
