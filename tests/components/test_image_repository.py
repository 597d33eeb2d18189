import json
from typing import Any

import pytest

from components.image_repository import ImageRepository, ImageRepositoryArgs


def args(**changes: Any) -> Any:
    return ImageRepositoryArgs(**{"name": "episode-metadata-api"} | changes)


COUNTS = {"Repository": 1, "LifecyclePolicy": 1}


class TestRegister:
    @pytest.mark.requirement("ROAD-69", "C-42")
    def test_tags_stay_but_for_the_pointer_and_images_are_scanned(self, register: Any) -> None:
        graph = register(lambda: ImageRepository("images", args()))
        assert graph.counts == COUNTS
        assert graph.one("Repository").inputs == {
            "name": "episode-metadata-api",
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filter": "latest", "filterType": "WILDCARD"}],
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "AES256"}],
            "forceDelete": True,
        }

    def test_old_images_expire_the_rule_about_any_image_last(self, register: Any) -> None:
        graph = register(lambda: ImageRepository("images", args()))
        policy = graph.one("LifecyclePolicy").inputs
        assert policy["repository"] == "episode-metadata-api"
        found = [
            (rule["rulePriority"], rule["selection"], rule["action"]) for rule in json.loads(policy["policy"])["rules"]
        ]
        expire = {"type": "expire"}
        untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
        newest = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100}
        assert found == [(1, untagged, expire), (2, newest, expire)]

    def test_other_accounts_may_pull_and_nothing_else(self, register: Any) -> None:
        graph = register(lambda: ImageRepository("images", args(reader_account_ids=["111122223333", "444455556666"])))
        assert graph.counts == COUNTS | {"RepositoryPolicy": 1}
        assert graph.statements("images-policy") == {
            "PullFromOtherAccounts": {
                "Sid": "PullFromOtherAccounts",
                "Effect": "Allow",
                "Principal": {"AWS": ["111122223333", "444455556666"]},
                "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            }
        }
