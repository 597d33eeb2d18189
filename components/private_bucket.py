"""A bucket that only its account can reach: encrypted, versioned, TLS and signature 4 only, its clutter expired by rule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components import bucket_policies, policies
from components.arguments import check, check_range, check_unique, is_plain
from components.bucket_rules import MAX_AGE_SECONDS, METHODS, ArchiveTiering, CrossOrigin, LifecycleRule
from components.choices import LogSender
from components.naming import Naming

__all__ = ["ArchiveTiering", "CrossOrigin", "LifecycleRule", "PrivateBucket", "PrivateBucketArgs"]

TIDY_RULE = "tidy"
ABORT_INCOMPLETE_UPLOAD_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """A bucket. Versions that were replaced or deleted, and uploads that were never completed, are expired in any case."""

    naming: Naming
    thing: str
    """What the bucket holds: `storage` makes it `{project}-storage-{environment}`."""
    name_suffix: str = ""
    """Bucket names are global; this makes one that is taken into another."""
    noncurrent_version_days: int = 30
    lifecycle_rules: Sequence[LifecycleRule] = ()
    archive_tierings: Sequence[ArchiveTiering] = ()
    cross_origin: CrossOrigin | None = None
    statements: Sequence[policies.Statement] = ()
    """What its policy says beyond its own refusals, such as that a distribution may read.

    Whose statement needs a resource that is made with this bucket is made first, with `bucket_name`, which is known beforehand.
    """
    access_log_bucket: pulumi.Input[str] | None = None
    """The name of a bucket that receives the log of all requests, below `{thing}/`; it `receives_logs_of` buckets.

    None for no log.
    """
    receives_logs_of: Sequence[LogSender] = ()
    """Whose access logs may be delivered here: those of this project's buckets, or of the account's load balancers."""
    account_id: pulumi.Input[str] | None = None
    """The account that logs are received from; only a bucket that receives some needs to know it."""
    protected: bool = False
    """Never empty the bucket to delete it, refuse deletion, and leave it behind when the program drops it."""

    def __post_init__(self) -> None:
        suffix = bool(re.fullmatch(r"(-?[a-z0-9]+)*", self.name_suffix))
        check(self, "name_suffix", suffix, f"must be lower-case words with hyphens between, not {self.name_suffix!r}")
        check(self, "name_suffix", len(self.bucket_name) <= 63, f"must be shorter: {self.bucket_name!r} is over 63")
        check_range(self, "noncurrent_version_days", 1, 36_500)
        check_unique(self, "lifecycle_rules", [TIDY_RULE, *(rule.name for rule in self.lifecycle_rules)])
        rules = [rule.name for rule in self.lifecycle_rules]
        tierings = [tiering.name for tiering in self.archive_tierings]
        check_unique(self, "archive_tierings", tierings)
        taken = sorted({TIDY_RULE, *rules} & set(tierings))
        check(self, "archive_tierings", not taken, f"must not be named as a lifecycle rule is: {', '.join(taken)}")
        self._check_logs()

    def _check_logs(self) -> None:
        check_unique(self, "receives_logs_of", self.receives_logs_of)
        for sender in self.receives_logs_of:
            known = get_args(LogSender)
            check(self, "receives_logs_of", sender in known, f"must be of {', '.join(known)}, not {sender!r}")
        if self.receives_logs_of:
            check(self, "account_id", self.account_id is not None, "must be given where logs are received")
            check(self, "access_log_bucket", self.access_log_bucket is None, "must be left out where logs are received")
        if is_plain(self.access_log_bucket):
            elsewhere = self.access_log_bucket != self.bucket_name
            check(self, "access_log_bucket", elsewhere, "must be another bucket: this one's log would log itself")

    @property
    def bucket_name(self) -> str:
        """The name in AWS."""
        name = self.naming.physical(self.thing)
        return f"{name}-{self.name_suffix.lstrip('-')}" if self.name_suffix else name

    @property
    def bucket_arn(self) -> str:
        """The ARN that it will have, known before there is a bucket."""
        return f"arn:aws:s3:::{self.bucket_name}"


class PrivateBucket(pulumi.ComponentResource):
    """The bucket and the settings that make it private and keep it tidy."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:PrivateBucket", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._notifies = False

        self._create_bucket()
        self._create_access_rules()
        self._create_lifecycle()
        self._create_archive_tierings()
        self._create_cross_origin()
        self._create_access_log()

        # Known once nobody else can get in: whoever uses the name comes after the policy.
        self.name = pulumi.Output.all(self._bucket.bucket, self._policy.id).apply(lambda values: str(values[0]))
        self.arn = self._bucket.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def notify_queue(
        self,
        queue_arn: pulumi.Input[str],
        *,
        prefix: str,
        accepted_by: pulumi.Resource,
    ) -> aws.s3.BucketNotification:
        """Sends an event for each object made under `prefix`. `accepted_by` is the queue's policy: S3 tries it at once.

        Raises ValueError when the bucket notifies already: it has one notification, and a second would silently replace the
        first.
        """
        if self._notifies:
            raise ValueError(f"{self._name}: the bucket already notifies a queue, and a bucket has one notification")
        self._notifies = True
        queue = aws.s3.BucketNotificationQueueArgs(
            id="objects-created", queue_arn=queue_arn, events=["s3:ObjectCreated:*"], filter_prefix=prefix
        )
        return aws.s3.BucketNotification(
            f"{self._name}-notification",
            bucket=self._bucket.id,
            queues=[queue],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[accepted_by]),
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
                            # Keys of S3's own cost nothing. Under a KMS key a bucket could receive no logs either.
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
            # S3 answers 409 when a bucket's policy and its access block change at the same moment.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )

    def _statements(self) -> list[policies.Statement]:
        args, arn = self._args, self._bucket.arn
        statements = bucket_policies.bucket_transport(arn)
        if args.account_id is not None and "buckets" in args.receives_logs_of:
            sources = f"arn:*:s3:::{args.naming.physical('*')}*"
            statements.append(bucket_policies.receive_bucket_logs(arn, sources, args.account_id))
        if args.account_id is not None and "load_balancers" in args.receives_logs_of:
            statements.append(bucket_policies.receive_load_balancer_logs(arn, args.account_id))
        return [*statements, *args.statements]

    def _create_lifecycle(self) -> None:
        args = self._args
        tidy = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=TIDY_RULE,
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
            # A marker whose versions are all gone hides nothing and slows listings.
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        )
        rules = [*args.lifecycle_rules, *(tiering.lifecycle_rule() for tiering in args.archive_tierings)]
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-lifecycle",
            bucket=self._bucket.id,
            rules=[tidy, *(rule.resource() for rule in rules)],
            # Rules about noncurrent versions are refused until versioning is on.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._versioning]),
        )

    def _create_archive_tierings(self) -> None:
        for tiering in self._args.archive_tierings:
            aws.s3.BucketIntelligentTieringConfiguration(
                f"{self._name}-tiering-{tiering.name}",
                bucket=self._bucket.id,
                name=tiering.name,
                status="Enabled",
                filter=tiering.selection(),
                tierings=tiering.tiers(),
                opts=self._child,
            )

    def _create_cross_origin(self) -> None:
        rule = self._args.cross_origin
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
            target_prefix=f"{args.thing}/",
            opts=self._child,
        )
