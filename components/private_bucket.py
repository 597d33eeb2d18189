"""A private S3 bucket: encrypted, versioned, only accessible over TLS with signature version 4, with lifecycle rules."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components import bucket_policies, policies
from components.arguments import check, check_range, check_unique, is_plain
from components.bucket_rules import MAX_AGE_SECONDS, METHODS, ArchiveTiering, CorsRule, LifecycleRule
from components.choices import LogSource
from components.naming import Naming

__all__ = ["ArchiveTiering", "CorsRule", "LifecycleRule", "PrivateBucket", "PrivateBucketArgs"]

CLEANUP_RULE = "tidy"
ABORT_INCOMPLETE_UPLOAD_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """A bucket. Noncurrent versions and incomplete uploads always expire."""

    naming: Naming
    resource_name: str
    """`storage` names it `{project}-storage-{environment}`."""
    name_suffix: str = ""
    """Appended to the name, which is unique among all accounts."""
    noncurrent_version_days: int = 30
    lifecycle_rules: Sequence[LifecycleRule] = ()
    archive_tierings: Sequence[ArchiveTiering] = ()
    cors: CorsRule | None = None
    statements: Sequence[policies.Statement] = ()
    """Additional statements of the bucket policy, such as that a distribution may read.

    A statement may name a resource that is created before the bucket, from `bucket_name`, which is known in advance.
    """
    access_log_bucket: pulumi.Input[str] | None = None
    """The name of a bucket that receives the access log, under `{resource_name}/`; its `log_sources` include buckets.

    None for no access log.
    """
    log_sources: Sequence[LogSource] = ()
    """The senders of access logs to this bucket: this project's buckets, or the account's load balancers."""
    account_id: pulumi.Input[str] | None = None
    """The account of the senders; required with `log_sources`."""
    protected: bool = False
    """Refuse deletion, never empty the bucket, and retain it when the program drops it."""

    def __post_init__(self) -> None:
        suffix = bool(re.fullmatch(r"(-?[a-z0-9]+)*", self.name_suffix))
        check(self, "name_suffix", suffix, f"must be lower-case words joined by hyphens, not {self.name_suffix!r}")
        check(self, "name_suffix", len(self.bucket_name) <= 63, f"must be shorter: {self.bucket_name!r} is over 63")
        check_range(self, "noncurrent_version_days", 1, 36_500)
        check_unique(self, "lifecycle_rules", [CLEANUP_RULE, *(rule.name for rule in self.lifecycle_rules)])
        rules = [rule.name for rule in self.lifecycle_rules]
        tierings = [tiering.name for tiering in self.archive_tierings]
        check_unique(self, "archive_tierings", tierings)
        taken = sorted({CLEANUP_RULE, *rules} & set(tierings))
        check(self, "archive_tierings", not taken, f"must not have the name of a lifecycle rule: {', '.join(taken)}")
        self._check_logs()

    def _check_logs(self) -> None:
        check_unique(self, "log_sources", self.log_sources)
        for source in self.log_sources:
            known = get_args(LogSource)
            check(self, "log_sources", source in known, f"must be one of {', '.join(known)}, not {source!r}")
        if self.log_sources:
            check(self, "account_id", self.account_id is not None, "must be given where logs are received")
            check(self, "access_log_bucket", self.access_log_bucket is None, "must be left out where logs are received")
        if is_plain(self.access_log_bucket):
            is_other = self.access_log_bucket != self.bucket_name
            check(self, "access_log_bucket", is_other, "must be another bucket: a bucket cannot log to itself")

    @property
    def bucket_name(self) -> str:
        """The bucket's physical name."""
        name = self.naming.physical(self.resource_name)
        return f"{name}-{self.name_suffix.lstrip('-')}" if self.name_suffix else name

    @property
    def bucket_arn(self) -> str:
        """The ARN, known before the bucket exists."""
        return f"arn:aws:s3:::{self.bucket_name}"


class PrivateBucket(pulumi.ComponentResource):
    """The bucket with its access, encryption and lifecycle settings."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:PrivateBucket", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._has_notification = False

        self._create_bucket()
        self._create_access_rules()
        self._create_lifecycle()
        self._create_archive_tierings()
        self._create_cross_origin()
        self._create_access_log()

        # Known once the policy applies: users of the name depend on it.
        self.name = pulumi.Output.all(self._bucket.bucket, self._policy.id).apply(lambda values: str(values[0]))
        self.arn = self._bucket.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def notify_queue(
        self,
        queue_arn: pulumi.Input[str],
        *,
        prefix: str,
        queue_policy: pulumi.Resource,
    ) -> aws.s3.BucketNotification:
        """Send an event to a queue for each object created under `prefix`.

        The notification depends on the queue's policy, because S3 validates the queue immediately.

        Raises:
            ValueError: The bucket has a notification already, which a second one would silently replace.
        """
        if self._has_notification:
            raise ValueError(f"{self._name}: the bucket already has a notification")
        self._has_notification = True
        queue = aws.s3.BucketNotificationQueueArgs(
            id="objects-created", queue_arn=queue_arn, events=["s3:ObjectCreated:*"], filter_prefix=prefix
        )
        return aws.s3.BucketNotification(
            f"{self._name}-notification",
            bucket=self._bucket.id,
            queues=[queue],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[queue_policy]),
        )

    def _create_bucket(self) -> None:
        args = self._args
        self._bucket = aws.s3.Bucket(
            f"{self._name}-bucket",
            bucket=args.bucket_name,
            force_destroy=not args.protected,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )
        self._versioning = aws.s3.BucketVersioning(
            f"{self._name}-versioning",
            bucket=self._bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self._name}-encryption",
            bucket=self._bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            # S3's own keys cost nothing. A bucket with a KMS key could not receive access logs.
                            sse_algorithm="AES256"
                        )
                    ),
                )
            ],
            opts=self._child,
        )

    def _create_access_rules(self) -> None:
        block = aws.s3.BucketPublicAccessBlock(
            f"{self._name}-public-access-block",
            bucket=self._bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child,
        )
        aws.s3.BucketOwnershipControls(
            f"{self._name}-ownership",
            bucket=self._bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child,
        )
        self._policy = aws.s3.BucketPolicy(
            f"{self._name}-policy",
            bucket=self._bucket.id,
            policy=pulumi.Output.json_dumps(policies.document(*self._statements())),
            # S3 returns 409 when the policy and the public access block of a bucket change at the same time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )

    def _statements(self) -> list[policies.Statement]:
        args, arn = self._args, self._bucket.arn
        statements = bucket_policies.require_secure_transport(arn)
        if args.account_id is not None and "buckets" in args.log_sources:
            sources = f"arn:*:s3:::{args.naming.physical('*')}*"
            statements.append(bucket_policies.accept_bucket_logs(arn, sources, args.account_id))
        if args.account_id is not None and "load_balancers" in args.log_sources:
            statements.append(bucket_policies.accept_load_balancer_logs(arn, args.account_id))
        return [*statements, *args.statements]

    def _create_lifecycle(self) -> None:
        args = self._args
        cleanup = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=CLEANUP_RULE,
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            abort_incomplete_multipart_upload=(
                aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=ABORT_INCOMPLETE_UPLOAD_DAYS
                )
            ),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=args.noncurrent_version_days
            ),
            # A delete marker without versions slows down listings.
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        )
        rules = [*args.lifecycle_rules, *(tiering.lifecycle_rule() for tiering in args.archive_tierings)]
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-lifecycle",
            bucket=self._bucket.id,
            rules=[cleanup, *(rule.to_args() for rule in rules)],
            # S3 rejects rules for noncurrent versions until versioning is enabled.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._versioning]),
        )

    def _create_archive_tierings(self) -> None:
        for tiering in self._args.archive_tierings:
            aws.s3.BucketIntelligentTieringConfiguration(
                f"{self._name}-tiering-{tiering.name}",
                bucket=self._bucket.id,
                name=tiering.name,
                status="Enabled",
                filter=tiering.filter_args(),
                tierings=tiering.tiering_args(),
                opts=self._child,
            )

    def _create_cross_origin(self) -> None:
        rule = self._args.cors
        if rule is None:
            return
        aws.s3.BucketCorsConfiguration(
            f"{self._name}-cors",
            bucket=self._bucket.id,
            cors_rules=[
                aws.s3.BucketCorsConfigurationCorsRuleArgs(
                    allowed_origins=list(rule.origins),
                    allowed_methods=list(METHODS),
                    allowed_headers=["*"],
                    expose_headers=["ETag", "x-amz-version-id"],
                    max_age_seconds=MAX_AGE_SECONDS,
                )
            ],
            opts=self._child,
        )

    def _create_access_log(self) -> None:
        args = self._args
        if args.access_log_bucket is None:
            return
        aws.s3.BucketLogging(
            f"{self._name}-access-log",
            bucket=self._bucket.id,
            target_bucket=args.access_log_bucket,
            target_prefix=f"{args.resource_name}/",
            opts=self._child,
        )
