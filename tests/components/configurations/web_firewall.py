from hypothesis import strategies as st

from components.web_firewall import CORE, MANAGED_GROUPS
from tests.components.configurations.deferred import invalid
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    INVALID_RETENTIONS,
    LETTERS,
    RETENTIONS,
    arguments,
    arns,
    identifiers,
    inputs,
    integers,
    kebab_case,
    merge,
    names,
    outside_range,
    sequences,
    with_duplicate,
)

RULES = identifiers(LETTERS + CAPITALS, LETTERS + CAPITALS + DIGITS + "_", 20)
GUARDED = arns("elasticloadbalancing", kebab_case(20).map("loadbalancer/app/{}/0".format))
INVALID_NAMES = st.sampled_from(["", "1a", "_a", "a-b", "a b", "ä"])

VALID = merge(
    names("-firewall"),
    arguments(
        {},
        rate_per_five_minutes=integers(10, 2_000_000_000),
        counted_rules=st.dictionaries(st.sampled_from(MANAGED_GROUPS), sequences(RULES, 1, 3), max_size=3),
        log_retention_days=RETENTIONS,
        resource_arns=st.dictionaries(kebab_case(), inputs(GUARDED), max_size=3),
    ),
)
INVALID = [
    invalid("resource_name", resource_name=""),
    invalid("rate_per_five_minutes", rate_per_five_minutes=outside_range(10, 2_000_000_000)),
    invalid("counted_rules", counted_rules={"AWSManagedRulesLinuxRuleSet": ["LFI_URIPATH"]}),
    invalid("counted_rules", counted_rules={CORE: []}),
    invalid("counted_rules", counted_rules=with_duplicate(RULES).map(lambda rules: {CORE: rules})),
    invalid("counted_rules", counted_rules=INVALID_NAMES.map(lambda name: {CORE: [name]})),
    invalid("log_retention_days", log_retention_days=INVALID_RETENTIONS),
    invalid(
        "resource_arns",
        resource_arns=st.sampled_from(["", "Balancer", "a_b", "a--b"]).map(
            lambda name: {name: "arn:aws:elasticloadbalancing"}
        ),
    ),
]
