from hypothesis import strategies as st

from components.web_firewall import CORE, MANAGED_GROUPS
from tests.components.configurations.recipes import mistake
from tests.components.configurations.values import (
    CAPITALS,
    DIGITS,
    LETTERS,
    NO_RETENTIONS,
    RETENTIONS,
    arns,
    given,
    inputs,
    led,
    merged,
    names,
    outside,
    repeated,
    several,
    whole,
    words,
)

RULES = led(LETTERS + CAPITALS, LETTERS + CAPITALS + DIGITS + "_", 20)
GUARDED = arns("elasticloadbalancing", words(20).map("loadbalancer/app/{}/0".format))
NO_NAMES = st.sampled_from(["", "1a", "_a", "a-b", "a b", "ä"])

VALID = merged(
    names("-firewall"),
    given(
        {},
        rate_per_five_minutes=whole(10, 2_000_000_000),
        counted_rules=st.dictionaries(st.sampled_from(MANAGED_GROUPS), several(RULES, 1, 3), max_size=3),
        log_retention_days=RETENTIONS,
        resource_arns=st.dictionaries(words(), inputs(GUARDED), max_size=3),
    ),
)
INVALID = [
    mistake("resource_name", resource_name=""),
    mistake("rate_per_five_minutes", rate_per_five_minutes=outside(10, 2_000_000_000)),
    mistake("counted_rules", counted_rules={"AWSManagedRulesLinuxRuleSet": ["LFI_URIPATH"]}),
    mistake("counted_rules", counted_rules={CORE: []}),
    mistake("counted_rules", counted_rules=repeated(RULES).map(lambda rules: {CORE: rules})),
    mistake("counted_rules", counted_rules=NO_NAMES.map(lambda name: {CORE: [name]})),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
    mistake(
        "resource_arns",
        resource_arns=st.sampled_from(["", "Balancer", "a_b", "a--b"]).map(
            lambda name: {name: "arn:aws:elasticloadbalancing"}
        ),
    ),
]
