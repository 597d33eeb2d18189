"""The moto server with patches: `python -m local.emulator.server -H HOST -p PORT`.

Each patch fixes a difference from AWS and has a test that also fails without it, so that a fix in moto itself is noticed and
the patch can be removed.
"""

import io
import json
import threading
import zipfile
from typing import Any

import moto.awslambda.models
import moto.rds.utils
from moto.iam.access_control import IAMPolicy
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import FakeBucket
from moto.server import main
from moto.sqs.models import Queue

from local.emulator import token_endpoint


def _get_permission(bucket: FakeBucket, action: str, resource: str) -> Any:
    """Evaluate a bucket policy without its conditional statements.

    Moto ignores conditions, so "deny requests without TLS" would deny every request. The S3 gate enforces the conditions that
    matter locally: it rejects old signature versions and counts as TLS.
    """
    document = json.loads(bucket.policy or b'{"Statement": []}')
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    unconditional = [statement for statement in statements if not statement.get("Condition")]
    return IAMPolicy(json.dumps({**document, "Statement": unconditional})).is_action_permitted(action, resource)


_get_overlap = moto.rds.utils.get_overlap_between_two_date_ranges


def _get_window_overlap(*times: Any) -> int:
    """Return -1 for adjacent windows: they do not overlap, but moto accepts only a negative overlap."""
    return _get_overlap(*times) or -1


_delete_message = Queue.delete_message


def _delete_message_locked(queue: Queue, receipt_handle: str) -> None:
    """Delete a message under the lock that a sender holds: moto replaces the list, losing messages that are sent meanwhile."""
    with queue._messages_lock:
        _delete_message(queue, receipt_handle)


_attach_role_policy = IAMBackend.attach_role_policy


def _attach_managed_policy(backend: IAMBackend, policy_arn: str, role_name: str) -> None:
    """Load AWS managed policies on first use: moto would load them at its start, which takes half a second."""
    with _policies_lock:
        if ":iam::aws:policy/" in policy_arn and not backend.aws_managed_policies:
            known = json.loads(aws_managed_policies_data).items()
            backend.aws_managed_policies = [
                AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data) for name, data in known
            ]
            backend.managed_policies.update({policy.arn: policy for policy in backend.aws_managed_policies})
    _attach_role_policy(backend, policy_arn, role_name)


_policies_lock = threading.Lock()

# The same as DESCRIPTION in `local/provider/services/lambda_.py`, which would load Pulumi into this process.
CODE_DESCRIPTION = "code-on-this-machine.json"
MAX_DESCRIPTION_BYTES = 4096
_zipfile_content = moto.awslambda.models._zipfile_content


def _zipfile_content_or_description(content: str | bytes) -> tuple[bytes, int, str, str]:
    """Return content, size and digest of function code; a zip with only a description has the size and digest described."""
    code, size, sha256, sha256_hex = _zipfile_content(content)
    if size <= MAX_DESCRIPTION_BYTES and zipfile.is_zipfile(io.BytesIO(code)):
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            if archive.namelist() == [CODE_DESCRIPTION]:
                described = json.loads(archive.read(CODE_DESCRIPTION))
                return code, described["CodeSize"], described["CodeSha256"], sha256_hex
    return code, size, sha256, sha256_hex


_get_application = DomainDispatcherApplication.get_application


def _get_application_or_token_endpoint(dispatcher: DomainDispatcherApplication, environ: dict[str, Any]) -> Any:
    """Add Cognito's OAuth token endpoint, which moto lacks."""
    if token_endpoint.is_token_request(environ):
        return token_endpoint.handle_request
    return _get_application(dispatcher, environ)


PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (FakeBucket, "get_permission", _get_permission),
    (DomainDispatcherApplication, "get_application", _get_application_or_token_endpoint),
    (moto.awslambda.models, "_zipfile_content", _zipfile_content_or_description),
    (IAMBackend, "attach_role_policy", _attach_managed_policy),
    (Queue, "delete_message", _delete_message_locked),
    (moto.rds.utils, "get_overlap_between_two_date_ranges", _get_window_overlap),
)

if __name__ == "__main__":
    for owner, name, replacement in PATCHES:
        setattr(owner, name, replacement)
    main()
