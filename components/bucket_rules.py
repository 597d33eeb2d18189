"""What a bucket does with its objects by itself, as data: by age, by how long nobody read them, and for which web pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_aws as aws

from components.arguments import check, check_choice, check_range

STORAGE_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
# S3 refuses a transition to these before an object is so many days old.
LEAST_AGE_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
METHODS = ("GET", "PUT", "POST", "DELETE")
# How long a browser may reuse the result of a preflight request.
MAX_AGE_SECONDS = 3_000
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


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
        if self.move_after_days is not None:
            least = LEAST_AGE_DAYS.get(self.storage_class, 0)
            old_enough = self.move_after_days >= least
            check(self, "move_after_days", old_enough, f"must be at least {least} for {self.storage_class}")
        if self.expire_after_days is not None and self.move_after_days is not None:
            later = self.expire_after_days > self.move_after_days
            check(self, "expire_after_days", later, "must be later than move_after_days")

    def resource(self) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
        """The rule in S3's terms."""
        # A filter holds a prefix, or a tag and a prefix joined by And; S3 calls a rule with both side by side malformed.
        if self.tags:
            selection = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(
                and_=aws.s3.BucketLifecycleConfigurationRuleFilterAndArgs(prefix=self.prefix, tags=dict(self.tags))
            )
        else:
            selection = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=self.prefix)
        move, expire = self.move_after_days, self.expire_after_days
        return aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=self.name,
            status="Enabled",
            filter=selection,
            transitions=None
            if move is None
            else [aws.s3.BucketLifecycleConfigurationRuleTransitionArgs(days=move, storage_class=self.storage_class)],
            expiration=None if expire is None else aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=expire),
        )


@dataclass(frozen=True, kw_only=True)
class ArchiveTiering:
    """What happens to objects that nobody reads: a lifecycle rule knows their age only, Intelligent-Tiering their last use.

    Objects under `prefix` enter the Intelligent-Tiering class at once. There S3 moves them to cheaper tiers that answer at
    once after 30 and 90 days without a read, and after `archive_after_days` to one that must be restored first, which takes
    hours. A read brings them back.
    """

    name: str
    prefix: str
    archive_after_days: int

    def __post_init__(self) -> None:
        check(self, "name", bool(re.fullmatch(r"[\w.-]{1,64}", self.name)), f"must be a plain name, not {self.name!r}")
        # S3 takes no filter that is empty.
        check(self, "prefix", bool(self.prefix), "must not be empty")
        check_range(self, "archive_after_days", 90, 730)

    def lifecycle_rule(self) -> LifecycleRule:
        """The rule by which objects enter the class; the tiers hold for no other."""
        return LifecycleRule(
            name=self.name,
            prefix=self.prefix,
            move_after_days=0,
            storage_class="INTELLIGENT_TIERING",
        )

    def selection(self) -> aws.s3.BucketIntelligentTieringConfigurationFilterArgs:
        """Which objects."""
        return aws.s3.BucketIntelligentTieringConfigurationFilterArgs(prefix=self.prefix)

    def tiers(self) -> list[aws.s3.BucketIntelligentTieringConfigurationTieringArgs]:
        """The archive tier, with the days without a read after which it holds."""
        return [
            aws.s3.BucketIntelligentTieringConfigurationTieringArgs(
                access_tier="ARCHIVE_ACCESS", days=self.archive_after_days
            )
        ]


@dataclass(frozen=True, kw_only=True)
class CrossOrigin:
    """Which web pages may use the bucket's presigned requests."""

    origins: Sequence[str]
    """Exact origins, `https://host`; a wildcard is refused."""

    def __post_init__(self) -> None:
        check(self, "origins", bool(self.origins), "must name at least one origin")
        for origin in self.origins:
            check(self, "origins", bool(ORIGIN.fullmatch(origin)), f"must be exact origins, not {origin!r}")
