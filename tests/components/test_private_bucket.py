import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.arguments import ArgumentError
from components.naming import Naming
from components.private_bucket import CrossOrigin, LifecycleRule, PrivateBucket, PrivateBucketArgs

NAMING = Naming("episode-metadata", "dev")


def args(**changes):
    return PrivateBucketArgs(**{"naming": NAMING, "thing": "storage"} | changes)


PLAIN = {
    "Bucket": 1,
    "BucketVersioning": 1,
    "BucketServerSideEncryptionConfiguration": 1,
    "BucketPublicAccessBlock": 1,
    "BucketOwnershipControls": 1,
    "BucketPolicy": 1,
    "BucketLifecycleConfiguration": 1,
}
TIDY = {
    "id": "tidy",
    "status": "Enabled",
    "filter": {"prefix": ""},
    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    "noncurrentVersionExpiration": {"noncurrentDays": 30},
    "expiration": {"expiredObjectDeleteMarker": True},
}


class TestRegister:
    @pytest.mark.requirement("P2-02", "ROAD-26", "ROAD-27", "C-16", "C-34")
    def test_bucket_is_private_versioned_and_encrypted(self, register):
        graph = register(lambda: PrivateBucket("b", args()))
        assert graph.counts == PLAIN
        settings_of = {kind: {**graph.one(kind).inputs, "bucket": "x"} for kind in PLAIN if kind != "BucketPolicy"}
        assert settings_of == {
            "Bucket": {"bucket": "x", "forceDestroy": True},
            "BucketVersioning": {"bucket": "x", "versioningConfiguration": {"status": "Enabled"}},
            "BucketServerSideEncryptionConfiguration": {
                "bucket": "x",
                "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
            },
            "BucketPublicAccessBlock": {
                "bucket": "x",
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
            "BucketOwnershipControls": {"bucket": "x", "rule": {"objectOwnership": "BucketOwnerEnforced"}},
            "BucketLifecycleConfiguration": {"bucket": "x", "rules": [TIDY]},
        }
        assert graph.one("Bucket").inputs["bucket"] == "episode-metadata-storage-dev"
        assert graph.depends("b-lifecycle", "b-versioning")
        assert graph.depends("b-policy", "b-public-access-block")

    def test_plain_transport_and_old_signatures_are_refused(self, register):
        statements = register(lambda: PrivateBucket("b", args())).statements("b-policy")
        conditions = {
            "RefusePlainTransport": {"Bool": {"aws:SecureTransport": "false"}},
            "RefuseOldSignatures": {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}},
        }
        assert statements.keys() == conditions.keys()
        for sid, condition in conditions.items():
            statement = statements[sid]
            assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", ["s3:*"])
            assert statement["Condition"] == condition
            bucket, objects = statement["Resource"]
            assert objects == f"{bucket}/*"

    @pytest.mark.requirement("ROAD-29")
    def test_pages_of_exact_origins_may_use_it(self, register):
        origins = ("http://localhost:3000", "http://localhost:3001")
        graph = register(lambda: PrivateBucket("b", args(cross_origin=CrossOrigin(origins=origins))))
        assert graph.counts == PLAIN | {"BucketCorsConfiguration": 1}
        assert graph.one("BucketCorsConfiguration").inputs["corsRules"] == [
            {
                "allowedOrigins": list(origins),
                "allowedMethods": ["GET", "PUT", "POST", "DELETE"],
                "allowedHeaders": ["*"],
                "exposeHeaders": ["ETag", "x-amz-version-id"],
                "maxAgeSeconds": 3000,
            }
        ]

    @pytest.mark.requirement("ROAD-30", "C-17", "A-03")
    def test_rules_move_by_prefix_and_by_tag_through_filters(self, register):
        rules = [
            LifecycleRule(name="archive-raw", prefix="raw/", move_after_days=90),
            LifecycleRule(name="archive-tagged", tags={"Archive": "true"}, move_after_days=180),
            LifecycleRule(name="expire", expire_after_days=1),
        ]
        graph = register(lambda: PrivateBucket("b", args(lifecycle_rules=rules, noncurrent_version_days=90)))
        tidy, *ours = graph.one("BucketLifecycleConfiguration").inputs["rules"]
        assert tidy == TIDY | {"noncurrentVersionExpiration": {"noncurrentDays": 90}}
        assert ours == [
            {
                "id": "archive-raw",
                "status": "Enabled",
                "filter": {"prefix": "raw/"},
                "transitions": [{"days": 90, "storageClass": "GLACIER"}],
            },
            {
                "id": "archive-tagged",
                "status": "Enabled",
                "filter": {"and": {"prefix": "", "tags": {"Archive": "true"}}},
                "transitions": [{"days": 180, "storageClass": "GLACIER"}],
            },
            {"id": "expire", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": 1}},
        ]

    def test_protected_bucket_is_never_emptied(self, register):
        bucket = register(lambda: PrivateBucket("b", args(protected=True))).one("Bucket")
        assert bucket.protect
        assert bucket.inputs["forceDestroy"] is False

    @pytest.mark.requirement("A-15")
    def test_suffix_makes_another_name(self, register):
        bucket = register(lambda: PrivateBucket("b", args(name_suffix="acme"))).one("Bucket")
        assert bucket.inputs["bucket"] == "episode-metadata-storage-dev-acme"

    def test_unknown_outputs_are_no_obstacle(self, register):
        assert register(lambda: PrivateBucket("b", args()), preview=True).counts == PLAIN


class TestNotifyQueue:
    @pytest.mark.requirement("P2-07", "C-33")
    def test_events_go_to_the_queue_once_its_policy_stands(self, register):
        def make():
            policy = pulumi.ComponentResource("test:index:Policy", "policy")
            PrivateBucket("b", args()).notify_queue("arn:aws:sqs:::q", prefix="raw/", accepted_by=policy)

        graph = register(make)
        assert graph.counts == PLAIN | {"BucketNotification": 1}
        assert graph.one("BucketNotification").inputs["queues"] == [
            {
                "id": "objects-created",
                "queueArn": "arn:aws:sqs:::q",
                "events": ["s3:ObjectCreated:*"],
                "filterPrefix": "raw/",
            }
        ]

    def test_second_notification_is_refused(self, register):
        def make():
            policy = pulumi.ComponentResource("test:index:Policy", "policy")
            bucket = PrivateBucket("b", args())
            bucket.notify_queue("arn:aws:sqs:::q", prefix="raw/", accepted_by=policy)
            with pytest.raises(ValueError, match="already notifies"):
                bucket.notify_queue("arn:aws:sqs:::r", prefix="other/", accepted_by=policy)

        register(make)


REFUSED = [
    ("name_suffix", {"name_suffix": "Acme"}),
    ("name_suffix", {"name_suffix": "acme-"}),
    ("name_suffix", {"name_suffix": "x" * 40}),
    ("noncurrent_version_days", {"noncurrent_version_days": 0}),
    ("abort_incomplete_upload_days", {"abort_incomplete_upload_days": 0}),
    ("lifecycle_rules", {"lifecycle_rules": [LifecycleRule(name="tidy", expire_after_days=1)]}),
    ("lifecycle_rules", {"lifecycle_rules": [LifecycleRule(name="a", expire_after_days=1)] * 2}),
]


class TestArgs:
    @pytest.mark.parametrize(("field", "changes"), REFUSED)
    def test_impossible_value_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"PrivateBucketArgs\.{field}: must"):
            args(**changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("expire_after_days", {}),
            ("expire_after_days", {"expire_after_days": 0}),
            ("move_after_days", {"move_after_days": -1}),
            ("expire_after_days", {"expire_after_days": 30, "move_after_days": 30}),
            ("storage_class", {"move_after_days": 30, "storage_class": "TAPE"}),
            ("name", {"name": "", "expire_after_days": 1}),
        ],
    )
    def test_impossible_rule_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"LifecycleRule\.{field}: must"):
            LifecycleRule(**{"name": "rule"} | changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("origins", {"origins": []}),
            ("origins", {"origins": ["*"]}),
            ("origins", {"origins": ["https://*.example.com"]}),
            ("origins", {"origins": ["https://example.com/"]}),
            ("methods", {"origins": ["https://example.com"], "methods": ["PATCH"]}),
            ("max_age_seconds", {"origins": ["https://example.com"], "max_age_seconds": -1}),
        ],
    )
    def test_impossible_origin_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"CrossOrigin\.{field}: must"):
            CrossOrigin(**changes)

    @settings(max_examples=50, deadline=None)
    @given(
        rules=st.lists(
            st.builds(
                LifecycleRule,
                name=st.text("abcdef", min_size=1, max_size=8),
                prefix=st.sampled_from(["", "raw/", "uploads/"]),
                tags=st.dictionaries(st.sampled_from(["Archive", "Keep"]), st.just("true"), max_size=2),
                move_after_days=st.none() | st.integers(0, 365),
                expire_after_days=st.integers(366, 3650),
                storage_class=st.sampled_from(["GLACIER", "STANDARD_IA"]),
            ),
            unique_by=lambda rule: rule.name,
            max_size=5,
        ),
        days=st.integers(1, 3650),
        protected=st.booleans(),
    )
    def test_possible_values_register(self, register, rules, days, protected):
        graph = register(
            lambda: PrivateBucket("b", args(lifecycle_rules=rules, noncurrent_version_days=days, protected=protected))
        )
        registered = graph.one("BucketLifecycleConfiguration").inputs["rules"]
        assert [rule["id"] for rule in registered] == ["tidy", *(rule.name for rule in rules)]
        # One of prefix and And in a filter, never both, and no prefix beside it: S3 calls the rest malformed.
        assert all(len(rule["filter"]) == 1 and "prefix" not in rule for rule in registered)

    @settings(max_examples=30, deadline=None)
    @given(suffix=st.text(min_size=1, max_size=12).filter(lambda text: not text.replace("-", "").isascii()))
    def test_suffix_that_no_bucket_can_have_is_refused(self, suffix):
        with pytest.raises(ArgumentError, match="name_suffix"):
            args(name_suffix=suffix)
