"""A bucket that only its account can reach: encrypted, versioned, TLS and signature 4 only, its clutter expired by rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_choice, check_range, check_unique
from components.naming import Naming

STORAGE_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
TIDY_RULE = "tidy"


@dataclass(frozen=True, kw_only=True)
class LifecycleRule:
    """What happens to objects by their age, in days. It holds for those under `prefix` that carry all of `tags`."""

    name: str
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    expire_after_days: int | None = None
    move_after_days: int | None = None
    storage_class: str = "GLACIER"

    def __post_init__(self) -> None:
        check(self, "name", bool(self.name), "must not be empty")
        acts = self.expire_after_days is not None or self.move_after_days is not None
        check(self, "expire_after_days", acts, "must be given, or move_after_days: the rule does nothing")
        check_range(self, "expire_after_days", 1, 36_500)
        check_range(self, "move_after_days", 0, 36_500)
        check_choice(self, "storage_class", STORAGE_CLASSES)
        if self.expire_after_days is not None and self.move_after_days is not None:
            later = self.expire_after_days > self.move_after_days
            check(self, "expire_after_days", later, "must be later than move_after_days")


@dataclass(frozen=True, kw_only=True)
class CrossOrigin:
    """Which web pages may use the bucket's presigned requests."""

    origins: Sequence[str]
    """Exact origins, `https://host`; a wildcard is refused."""
    methods: Sequence[str] = ("GET", "PUT", "POST", "DELETE")
    max_age_seconds: int = 3000

    def __post_init__(self) -> None:
        check(self, "origins", bool(self.origins), "must name at least one origin")
        for origin in self.origins:
            check(self, "origins", bool(ORIGIN.fullmatch(origin)), f"must be exact origins, not {origin!r}")
        for method in self.methods:
            check(self, "methods", method in METHODS, f"must be of {', '.join(METHODS)}, not {method!r}")
        check_range(self, "max_age_seconds", 0, 86_400)


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """A bucket. Versions that were replaced or deleted, and uploads that were never completed, are expired in any case."""

    naming: Naming
    thing: str
    """What the bucket holds: `storage` makes it `{project}-storage-{environment}`."""
    name_suffix: str = ""
    """Bucket names are global; this makes one that is taken into another."""
    noncurrent_version_days: int = 30
    abort_incomplete_upload_days: int = 7
    lifecycle_rules: Sequence[LifecycleRule] = ()
    cross_origin: CrossOrigin | None = None
    protected: bool = False
    """Never empty the bucket to delete it, refuse deletion, and leave it behind when the program drops it."""

    def __post_init__(self) -> None:
        suffix = bool(re.fullmatch(r"(-?[a-z0-9]+)*", self.name_suffix))
        check(self, "name_suffix", suffix, f"must be lower-case words with hyphens between, not {self.name_suffix!r}")
        check(self, "name_suffix", len(self.bucket_name) <= 63, f"must be shorter: {self.bucket_name!r} is over 63")
        check_range(self, "noncurrent_version_days", 1, 36_500)
        check_range(self, "abort_incomplete_upload_days", 1, 365)
        check_unique(self, "lifecycle_rules", [TIDY_RULE, *(rule.name for rule in self.lifecycle_rules)])

    @property
    def bucket_name(self) -> str:
        """The name in AWS."""
        name = self.naming.physical(self.thing)
        return f"{name}-{self.name_suffix.lstrip('-')}" if self.name_suffix else name


class PrivateBucket(pulumi.ComponentResource):
    """The bucket and the seven settings that make it private and keep it tidy."""

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
        self._create_cross_origin()

        # Known once nobody else can get in: whoever uses the name comes after the policy.
        self.name = pulumi.Output.all(self._bucket.bucket, self._policy.id).apply(lambda values: str(values[0]))
        self.arn = self._bucket.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def notify_queue(
        self, queue_arn: pulumi.Input[str], *, prefix: str, accepted_by: pulumi.Resource
    ) -> aws.s3.BucketNotification:
        """Sends an event for each object made under `prefix`. `accepted_by` is the queue's policy: S3 tries it at once.

        Raises ValueError when called again: a bucket has one notification, and a second would silently replace the first.
        """
        if self._notifies:
            raise ValueError(f"{self._name}: the bucket already notifies a queue, and a bucket has one notification")
        self._notifies = True
        return aws.s3.BucketNotification(
            f"{self._name}-notification",
            bucket=self._bucket.id,
            queues=[
                aws.s3.BucketNotificationQueueArgs(
                    id="objects-created",
                    queue_arn=queue_arn,
                    events=["s3:ObjectCreated:*"],
                    filter_prefix=prefix,
                )
            ],
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
                            sse_algorithm="AES256"
                        )
                    )
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
            policy=pulumi.Output.json_dumps(policies.bucket_transport(self._bucket.arn)),
            # S3 answers 409 when a bucket's policy and its access block change at the same moment.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )

    def _create_lifecycle(self) -> None:
        args = self._args
        tidy = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=TIDY_RULE,
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            abort_incomplete_multipart_upload=(
                aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=args.abort_incomplete_upload_days
                )
            ),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=args.noncurrent_version_days
            ),
            # A marker whose versions are all gone hides nothing and slows listings.
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{self._name}-lifecycle",
            bucket=self._bucket.id,
            rules=[tidy, *(_lifecycle_rule(rule) for rule in args.lifecycle_rules)],
            # Rules about noncurrent versions are refused until versioning is on.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._versioning]),
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
                    allowed_methods=list(rule.methods),
                    allowed_headers=["*"],
                    expose_headers=["ETag", "x-amz-version-id"],
                    max_age_seconds=rule.max_age_seconds,
                )
            ],
            opts=self._child,
        )


def _lifecycle_rule(rule: LifecycleRule) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    # A filter holds a prefix, or a tag and a prefix joined by And; S3 calls a rule with both side by side malformed.
    if rule.tags:
        selection = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(
            and_=aws.s3.BucketLifecycleConfigurationRuleFilterAndArgs(prefix=rule.prefix, tags=dict(rule.tags))
        )
    else:
        selection = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=rule.prefix)
    move, expire = rule.move_after_days, rule.expire_after_days
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=rule.name,
        status="Enabled",
        filter=selection,
        transitions=None
        if move is None
        else [aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(days=move, storage_class=rule.storage_class)],
        expiration=None if expire is None else aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=expire),
    )
