"""ECR: repositories of container images. The emulator stores no layers; containers run code of this machine."""

from local.provider.resource_types.table import ResourceType

TYPES = (
    ResourceType(
        "aws:ecr/repository:Repository",
        "ecr.create_repository",
        id="{RepositoryName}",
        ignore=("forceDelete",),
        outputs={"repositoryUrl": "{RepositoryUri}"},
    ),
    ResourceType(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "ecr.put_lifecycle_policy",
        {"repository": "repositoryName", "policy": "lifecyclePolicyText"},
        id="{RepositoryName}",
    ),
    ResourceType(
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        "ecr.set_repository_policy",
        {"repository": "repositoryName", "policy": "policyText"},
        id="{RepositoryName}",
    ),
)
