"""Lifecycle, archive and CORS rules of a bucket, as data."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi_aws as aws

from components.arguments import check, check_choice, check_range

STORAGE_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
# S3 rejects a transition to these classes before an object has this age.
MIN_AGE_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
METHODS = ("GET", "PUT", "POST", "DELETE")
# How long browsers may cache a preflight response.
MAX_AGE_SECONDS = 3_000
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


@dataclass(frozen=True, kw_only=True)
class LifecycleRule:
    """A transition or an expiration by age, in days, for objects under `prefix` that carry all of `tags`."""

    name: str
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    expire_after_days: int | None = None
    transition_after_days: int | None = None
    storage_class: str = "GLACIER"

    def __post_init__(self) -> None:
        check(self, "name", bool(self.name), "must not be empty")
        acts = self.expire_after_days is not None or self.transition_after_days is not None
        check(self, "expire_after_days", acts, "must be given, or transition_after_days: the rule does nothing")
        check_range(self, "expire_after_days", 1, 36_500)
        check_range(self, "transition_after_days", 0, 36_500)
        check_choice(self, "storage_class", STORAGE_CLASSES)
        if self.transition_after_days is not None:
            least = MIN_AGE_DAYS.get(self.storage_class, 0)
            old_enough = self.transition_after_days >= least
            check(self, "transition_after_days", old_enough, f"must be at least {least} for {self.storage_class}")
        if self.expire_after_days is not None and self.transition_after_days is not None:
            later = self.expire_after_days > self.transition_after_days
            check(self, "expire_after_days", later, "must be later than transition_after_days")

    def to_args(self) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
        """Return the rule as a resource argument."""
        # A filter holds either a prefix, or a tag and a prefix joined by And; S3 rejects a rule with both side by side.
        if self.tags:
            selection = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(
                and_=aws.s3.BucketLifecycleConfigurationRuleFilterAndArgs(prefix=self.prefix, tags=dict(self.tags))
            )
        else:
            selection = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=self.prefix)
        move, expire = self.transition_after_days, self.expire_after_days
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
    """Archiving of objects that nobody reads, by Intelligent-Tiering; lifecycle rules only know an object's age.

    Objects under `prefix` enter the Intelligent-Tiering class at once. S3 moves them to cheaper tiers with immediate access after
    30 and 90 days without a read, and after `archive_after_days` to the archive tier, from which a restore takes hours. A read
    moves them back.
    """

    name: str
    prefix: str
    archive_after_days: int

    def __post_init__(self) -> None:
        check(self, "name", bool(re.fullmatch(r"[\w.-]{1,64}", self.name)), f"must be a plain name, not {self.name!r}")
        # S3 rejects an empty filter.
        check(self, "prefix", bool(self.prefix), "must not be empty")
        check_range(self, "archive_after_days", 90, 730)

    def lifecycle_rule(self) -> LifecycleRule:
        """Return the lifecycle rule that moves objects into the Intelligent-Tiering class."""
        return LifecycleRule(
            name=self.name,
            prefix=self.prefix,
            transition_after_days=0,
            storage_class="INTELLIGENT_TIERING",
        )

    def filter_args(self) -> aws.s3.BucketIntelligentTieringConfigurationFilterArgs:
        """Return the filter of the configuration."""
        return aws.s3.BucketIntelligentTieringConfigurationFilterArgs(prefix=self.prefix)

    def tiering_args(self) -> list[aws.s3.BucketIntelligentTieringConfigurationTieringArgs]:
        """Return the archive tier and the days without a read after which it applies."""
        return [
            aws.s3.BucketIntelligentTieringConfigurationTieringArgs(
                access_tier="ARCHIVE_ACCESS", days=self.archive_after_days
            )
        ]


@dataclass(frozen=True, kw_only=True)
class CorsRule:
    """The origins whose pages may use the bucket's presigned requests."""

    origins: Sequence[str]
    """Exact origins, `https://host`, without wildcards."""

    def __post_init__(self) -> None:
        check(self, "origins", bool(self.origins), "must name at least one origin")
        for origin in self.origins:
            check(self, "origins", bool(ORIGIN.fullmatch(origin)), f"must be exact origins, not {origin!r}")
