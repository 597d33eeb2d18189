from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import ArgumentError
from components.private_bucket import ArchiveTiering, CorsRule, LifecycleRule, PrivateBucket
from tests.components.examples.private_bucket import args

REFUSED = [
    ("name_suffix", {"name_suffix": "Acme"}),
    ("name_suffix", {"name_suffix": "acme-"}),
    ("name_suffix", {"name_suffix": "x" * 40}),
    ("noncurrent_version_days", {"noncurrent_version_days": 0}),
    ("lifecycle_rules", {"lifecycle_rules": [LifecycleRule(name="tidy", expire_after_days=1)]}),
    ("lifecycle_rules", {"lifecycle_rules": [LifecycleRule(name="a", expire_after_days=1)] * 2}),
    ("archive_tierings", {"archive_tierings": [ArchiveTiering(name="a", prefix="a/", archive_after_days=90)] * 2}),
    ("archive_tierings", {"archive_tierings": [ArchiveTiering(name="tidy", prefix="a/", archive_after_days=90)]}),
    (
        "archive_tierings",
        {
            "archive_tierings": [ArchiveTiering(name="a", prefix="a/", archive_after_days=90)],
            "lifecycle_rules": [LifecycleRule(name="a", expire_after_days=1)],
        },
    ),
    ("log_sources", {"log_sources": ["queues"], "account_id": "123456789012"}),
    ("log_sources", {"log_sources": ["buckets", "buckets"], "account_id": "123456789012"}),
    ("account_id", {"log_sources": ["buckets"]}),
    ("access_log_bucket", {"log_sources": ["buckets"], "account_id": "1", "access_log_bucket": "logs"}),
    ("access_log_bucket", {"access_log_bucket": "episode-metadata-storage-dev"}),
]


class TestArgs:
    @pytest.mark.parametrize(("field", "changes"), REFUSED)
    def test_impossible_value_is_refused_by_field(self, field: Any, changes: Any) -> None:
        with pytest.raises(ArgumentError, match=rf"PrivateBucketArgs\.{field}: must"):
            args(**changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("expire_after_days", {}),
            ("expire_after_days", {"expire_after_days": 0}),
            ("transition_after_days", {"transition_after_days": -1}),
            ("expire_after_days", {"expire_after_days": 30, "transition_after_days": 30}),
            ("storage_class", {"transition_after_days": 30, "storage_class": "TAPE"}),
            ("transition_after_days", {"transition_after_days": 29, "storage_class": "STANDARD_IA"}),
            ("transition_after_days", {"transition_after_days": 29, "storage_class": "ONEZONE_IA"}),
            ("name", {"name": "", "expire_after_days": 1}),
        ],
    )
    def test_impossible_rule_is_refused_by_field(self, field: Any, changes: Any) -> None:
        with pytest.raises(ArgumentError, match=rf"LifecycleRule\.{field}: must"):
            LifecycleRule(**{"name": "rule"} | changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("name", {"name": "two words"}),
            ("prefix", {"prefix": ""}),
            ("archive_after_days", {"archive_after_days": 89}),
            ("archive_after_days", {"archive_after_days": 731}),
        ],
    )
    def test_impossible_tiering_is_refused_by_field(self, field: Any, changes: Any) -> None:
        with pytest.raises(ArgumentError, match=rf"ArchiveTiering\.{field}: must"):
            ArchiveTiering(**{"name": "tiering", "prefix": "items/", "archive_after_days": 90} | changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("origins", {"origins": []}),
            ("origins", {"origins": ["*"]}),
            ("origins", {"origins": ["https://*.example.com"]}),
            ("origins", {"origins": ["https://example.com/"]}),
        ],
    )
    def test_impossible_origin_is_refused_by_field(self, field: Any, changes: Any) -> None:
        with pytest.raises(ArgumentError, match=rf"CorsRule\.{field}: must"):
            CorsRule(**changes)

    @given(
        rules=st.lists(
            st.builds(
                LifecycleRule,
                name=st.text("abcdef", min_size=1, max_size=8),
                prefix=st.sampled_from(["", "raw/", "uploads/"]),
                tags=st.dictionaries(st.sampled_from(["Archive", "Keep"]), st.just("true"), max_size=2),
                transition_after_days=st.none() | st.integers(30, 365),
                expire_after_days=st.integers(366, 3650),
                storage_class=st.sampled_from(["GLACIER", "STANDARD_IA"]),
            ),
            unique_by=lambda rule: rule.name,
            max_size=5,
        ),
        days=st.integers(1, 3650),
        protected=st.booleans(),
    )
    def test_possible_values_register(self, register: Any, rules: Any, days: Any, protected: Any) -> None:
        graph = register(
            lambda: PrivateBucket("b", args(lifecycle_rules=rules, noncurrent_version_days=days, protected=protected))
        )
        registered = graph.one("BucketLifecycleConfiguration").inputs["rules"]
        assert [rule["id"] for rule in registered] == ["tidy", *(rule.name for rule in rules)]
        # One of prefix and And in a filter, never both, and no prefix beside it: S3 calls the rest malformed.
        assert all(len(rule["filter"]) == 1 and "prefix" not in rule for rule in registered)

    @given(suffix=st.text(min_size=1, max_size=12).filter(lambda text: not text.replace("-", "").isascii()))
    def test_suffix_that_no_bucket_can_have_is_refused(self, suffix: Any) -> None:
        with pytest.raises(ArgumentError, match="name_suffix"):
            args(name_suffix=suffix)
