from hypothesis import strategies as st

from components.web_firewall import CORE, IP_REPUTATION, KNOWN_BAD_INPUTS
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
    other_than,
    outside,
    repeated,
    several,
    whole,
    words,
)

DEFAULT_GROUPS = (IP_REPUTATION, CORE, KNOWN_BAD_INPUTS)
RULES = led(LETTERS + CAPITALS, LETTERS + CAPITALS + DIGITS + "_", 20)
GROUPS = st.sampled_from(DEFAULT_GROUPS) | RULES
GUARDED = arns("elasticloadbalancing", words(20).map("loadbalancer/app/{}/0".format))
NO_NAMES = st.sampled_from(["", "1a", "_a", "a-b", "a b", "ä"])


@st.composite
def groups(draw):
    """Groups of rules in any order, and rules of some of them that only count."""
    drawn = draw(given({}, managed_groups=several(GROUPS, 0, 5)))
    managed = list(drawn.get("managed_groups", DEFAULT_GROUPS))
    if managed and draw(st.booleans()):
        counted = st.dictionaries(st.sampled_from(managed), several(RULES, 1, 3), max_size=3)
        drawn["counted_rules"] = draw(counted)
    return drawn


GUARDS = given(
    {}, scope=st.just("REGIONAL"), guarded_arns=st.dictionaries(words(), inputs(GUARDED), max_size=3)
) | given({"scope": st.just("CLOUDFRONT")}, guarded_arns=st.just({}))
VALID = merged(
    names("-firewall"),
    groups(),
    GUARDS,
    given({}, rate_per_five_minutes=whole(10, 2_000_000_000), log_retention_days=RETENTIONS),
)
COUNTING = {"managed_groups": [CORE]}
INVALID = [
    mistake("thing", thing=""),
    mistake("scope", scope=other_than("REGIONAL", "CLOUDFRONT")),
    mistake("rate_per_five_minutes", rate_per_five_minutes=outside(10, 2_000_000_000)),
    mistake("managed_groups", managed_groups=repeated(GROUPS)),
    mistake("managed_groups", managed_groups=NO_NAMES.map(lambda name: [name])),
    mistake("counted_rules", **COUNTING, counted_rules={IP_REPUTATION: ["HostingProviderIPList"]}),
    mistake("counted_rules", **COUNTING, counted_rules={CORE: []}),
    mistake("counted_rules", **COUNTING, counted_rules=repeated(RULES).map(lambda rules: {CORE: rules})),
    mistake("counted_rules", **COUNTING, counted_rules=NO_NAMES.map(lambda name: {CORE: [name]})),
    mistake("log_retention_days", log_retention_days=NO_RETENTIONS),
    mistake("guarded_arns", scope="CLOUDFRONT", guarded_arns={"balancer": "arn:aws:elasticloadbalancing"}),
    mistake(
        "guarded_arns",
        scope="REGIONAL",
        guarded_arns=st.sampled_from(["", "Balancer", "a_b", "a--b"]).map(
            lambda name: {name: "arn:aws:elasticloadbalancing"}
        ),
    ),
]
