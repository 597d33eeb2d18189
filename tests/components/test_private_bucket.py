from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import policies
from components.private_bucket import ArchiveTiering, CorsRule, LifecycleRule, PrivateBucket
from tests.components.examples.private_bucket import PLAIN, args

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
    def test_bucket_is_private_versioned_and_encrypted(self, register: Any) -> None:
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

    def test_plain_transport_and_old_signatures_are_refused(self, register: Any) -> None:
        statements = register(lambda: PrivateBucket("b", args())).statements("b-policy")
        conditions = {
            "RefusePlainTransport": {"Bool": {"aws:SecureTransport": "false"}},
            "RefuseOldSignatures": {
                "StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        }
        assert statements.keys() == conditions.keys()
        for sid, condition in conditions.items():
            statement = statements[sid]
            assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", ["s3:*"])
            assert statement["Condition"] == condition
            bucket, objects = statement["Resource"]
            assert objects == f"{bucket}/*"

    @pytest.mark.requirement("ROAD-29")
    def test_pages_of_exact_origins_may_use_it(self, register: Any) -> None:
        origins = ("http://localhost:3000", "http://localhost:3001")
        graph = register(lambda: PrivateBucket("b", args(cors=CorsRule(origins=origins))))
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
    def test_rules_move_by_prefix_and_by_tag_through_filters(self, register: Any) -> None:
        rules = [
            LifecycleRule(name="archive-raw", prefix="raw/", transition_after_days=90),
            LifecycleRule(name="archive-tagged", tags={"Archive": "true"}, transition_after_days=180),
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
    )
    def test_rule_has_one_filter_and_no_prefix_beside_it(self, register: Any, rules: Any) -> None:
        graph = register(lambda: PrivateBucket("b", args(lifecycle_rules=rules)))
        registered = graph.one("BucketLifecycleConfiguration").inputs["rules"]
        assert [rule["id"] for rule in registered] == ["tidy", *(rule.name for rule in rules)]
        # S3 rejects anything else as malformed.
        assert all(len(rule["filter"]) == 1 and "prefix" not in rule for rule in registered)

    @pytest.mark.requirement("A-15")
    def test_suffix_makes_another_name(self, register: Any) -> None:
        bucket = register(lambda: PrivateBucket("b", args(name_suffix="acme"))).one("Bucket")
        assert bucket.inputs["bucket"] == "episode-metadata-storage-dev-acme"


class TestStatements:
    @pytest.mark.requirement("NOVA-42", "LX-61")
    def test_further_ones_stand_beside_its_own_refusals(self, register: Any) -> None:
        def make() -> None:
            chosen = args()
            distribution = pulumi.Output.from_input("arn:aws:cloudfront::123456789012:distribution/E1")
            reads = policies.allow(
                "DistributionReads",
                ["s3:GetObject"],
                [f"arn:aws:s3:::{chosen.bucket_name}/media/*"],
                principal={"Service": "cloudfront.amazonaws.com"},
                condition={"StringEquals": {"AWS:SourceArn": distribution}},
            )
            PrivateBucket("b", args(statements=[reads]))

        statements = register(make).statements("b-policy")
        assert statements.keys() == {"RefusePlainTransport", "RefuseOldSignatures", "DistributionReads"}
        reads = statements["DistributionReads"]
        assert reads["Resource"] == ["arn:aws:s3:::episode-metadata-storage-dev/media/*"]
        assert reads["Condition"] == {
            "StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}
        }


class TestAccessLogs:
    @pytest.mark.requirement("LX-62")
    def test_requests_are_logged_to_another_bucket(self, register: Any) -> None:
        graph = register(lambda: PrivateBucket("b", args(access_log_bucket="episode-metadata-logs-dev")))
        assert graph.counts == PLAIN | {"BucketLogging": 1}
        logging = dict(graph.one("BucketLogging").inputs)
        assert logging.pop("bucket")
        assert logging == {"targetBucket": "episode-metadata-logs-dev", "targetPrefix": "storage/"}

    @pytest.mark.requirement("LX-62")
    def test_logs_of_buckets_are_taken_from_this_project_and_account_only(self, register: Any) -> None:
        chosen = args(resource_name="logs", log_sources=["buckets"], account_id="123456789012")
        statements = register(lambda: PrivateBucket("b", chosen)).statements("b-policy")
        assert statements.keys() == {"RefusePlainTransport", "RefuseOldSignatures", "ReceiveBucketLogs"}
        (objects,) = statements["ReceiveBucketLogs"].pop("Resource")
        assert objects.endswith("/*")
        assert statements["ReceiveBucketLogs"] == {
            "Sid": "ReceiveBucketLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": ["s3:PutObject"],
            "Condition": {
                "ArnLike": {"aws:SourceArn": "arn:*:s3:::episode-metadata-*-dev*"},
                "StringEquals": {"aws:SourceAccount": "123456789012"},
            },
        }

    def test_logs_of_load_balancers_are_taken_into_the_account_s_folder_only(self, register: Any) -> None:
        chosen = args(resource_name="logs", log_sources=["load_balancers"], account_id="123456789012")
        statements = register(lambda: PrivateBucket("b", chosen)).statements("b-policy")
        assert statements.keys() == {"RefusePlainTransport", "RefuseOldSignatures", "ReceiveLoadBalancerLogs"}
        (objects,) = statements["ReceiveLoadBalancerLogs"].pop("Resource")
        assert objects.endswith("/*AWSLogs/123456789012/*")
        assert statements["ReceiveLoadBalancerLogs"] == {
            "Sid": "ReceiveLoadBalancerLogs",
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": ["s3:PutObject"],
        }


class TestArchiveTierings:
    @pytest.mark.requirement("LX-51", "LX-54", "C-18")
    def test_unread_objects_are_archived(self, register: Any) -> None:
        items = ArchiveTiering(name="items", prefix="items/", archive_after_days=365)
        graph = register(lambda: PrivateBucket("b", args(archive_tierings=[items])))
        assert graph.counts == PLAIN | {"BucketIntelligentTieringConfiguration": 1}
        tiering = dict(graph.named("b-tiering-items").inputs)
        assert tiering.pop("bucket")
        assert tiering == {
            "name": "items",
            "status": "Enabled",
            "filter": {"prefix": "items/"},
            "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 365}],
        }
        _, enter = graph.one("BucketLifecycleConfiguration").inputs["rules"]
        assert enter == {
            "id": "items",
            "status": "Enabled",
            "filter": {"prefix": "items/"},
            "transitions": [{"days": 0, "storageClass": "INTELLIGENT_TIERING"}],
        }

    @pytest.mark.requirement("LX-53")
    def test_documents_are_archived_by_age(self, register: Any) -> None:
        documents = LifecycleRule(name="archive-documents", prefix="documents/", transition_after_days=7 * 365)
        graph = register(lambda: PrivateBucket("b", args(lifecycle_rules=[documents])))
        _, rule = graph.one("BucketLifecycleConfiguration").inputs["rules"]
        assert rule["transitions"] == [{"days": 2555, "storageClass": "GLACIER"}]
