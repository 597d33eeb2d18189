"""The dev platform as a process of its own, so that its supervisor can be killed: `journal_host STATE_DIRECTORY SETTINGS`.

It writes one JSON line when it is up, and one for every line on standard input: `maintain` runs the maintenance function and
answers what that did, `health` answers the health. It ends with standard input.
"""

import json
import sys
from pathlib import Path
from typing import Any

from local.cloud import LocalCloud
from operations.release import local_bundles
from stacks.program import platform as program


def tell(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def main(directory: Path, settings: str) -> None:
    bundles = local_bundles.build()
    cloud = LocalCloud(directory, region="us-east-1", port=0, listener=lambda _: None, code_directory=bundles.cache)
    try:
        config = {f"episode-metadata:{key}": value for key, value in {"settings": settings, **bundles.config}.items()}
        deployment = cloud.deploy(program, project="episode-metadata", stack="dev", config=config)
        account = cloud.account
        tell(
            {
                "outputs": {name: str(value) for name, value in deployment.outputs.items()},
                "account": {
                    "endpoint": account.endpoint,
                    "s3_endpoint": account.s3_endpoint,
                    "region": account.region,
                    "access_key_id": account.access_key_id,
                    "secret_access_key": account.secret_access_key,
                },
            }
        )
        for line in sys.stdin:
            if line.strip() == "maintain":
                tasks = {"tasks": ["relay_outbox", "end_abandoned_jobs"]}
                invocation = cloud.functions.invoke("episode-metadata-maintenance-dev", tasks)
                tell({"payload": invocation.payload, "error": str(invocation.error or "")})
            else:
                tell(cloud.health())
    finally:
        cloud.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
