"""An ECR repository: tags are immutable, images are scanned on push, and old ones expire."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_unique

NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
ACCOUNT_ID = re.compile(r"\d{12}")
# The only mutable tag. No deployment uses it.
POINTER_TAG = "latest"
# Older images expire, even running ones, so this must cover every rollback.
KEPT_IMAGES = 100
# Untagged images expire after this.
UNTAGGED_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class ImageRepositoryArgs:
    """A repository for all environments, which identify images by digest; so its name contains no environment."""

    name: str
    reader_account_ids: Sequence[str] = ()
    """Other accounts that may pull images."""
    protected: bool = False
    """Refuse deletion while it holds images, and retain it when the program drops it."""

    def __post_init__(self) -> None:
        valid = 2 <= len(self.name) <= 256 and bool(NAME.fullmatch(self.name))
        check(self, "name", valid, f"must be 2 to 256 lower-case characters, words and paths, not {self.name!r}")
        for account in self.reader_account_ids:
            problem = f"must be account ids of 12 digits, not {account!r}"
            check(self, "reader_account_ids", bool(ACCOUNT_ID.fullmatch(account)), problem)
        check_unique(self, "reader_account_ids", self.reader_account_ids)


class ImageRepository(pulumi.ComponentResource):
    """The repository with its lifecycle policy and its permissions."""

    url: pulumi.Output[str]
    """An image reference is this URL, `@` and the digest."""

    def __init__(self, name: str, args: ImageRepositoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:ImageRepository", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_repository()
        self._create_lifecycle()
        self._create_policy()

        self.url = self._repository.repository_url
        self.register_outputs({"url": self.url})

    def _create_repository(self) -> None:
        args = self._args
        self._repository = aws.ecr.Repository(
            f"{self._name}-repository",
            name=args.name,
            # CKV_AWS_51 accepts no exception: every other tag is immutable all the same.
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[
                aws.ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=POINTER_TAG, filter_type="WILDCARD")
            ],
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            # CKV_AWS_136 asks for a customer managed key, which costs by the month.
            encryption_configurations=[aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")],
            force_delete=not args.protected,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )

    def _create_lifecycle(self) -> None:
        rules = [
            {
                "rulePriority": 1,
                "description": "Images that no tag names",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": UNTAGGED_DAYS,
                },
                "action": {"type": "expire"},
            },
            {
                # A rule for any image must be the last one.
                "rulePriority": 2,
                "description": "All but the newest images",
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
                "action": {"type": "expire"},
            },
        ]
        aws.ecr.LifecyclePolicy(
            f"{self._name}-lifecycle",
            repository=self._repository.name,
            policy=json.dumps({"rules": rules}),
            opts=self._child,
        )

    def _create_policy(self) -> None:
        readers = self._args.reader_account_ids
        if not readers:
            return
        aws.ecr.RepositoryPolicy(
            f"{self._name}-policy",
            repository=self._repository.name,
            policy=json.dumps(policies.document(policies.allow_pull_by_accounts(readers))),
            opts=self._child,
        )
