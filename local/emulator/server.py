"""The moto server, with what it gets wrong mended: `python -m local.emulator.server -H HOST -p PORT`.

Each mend is a difference from AWS that a test names, so that one which moto mends itself is noticed and can go.
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


def _permission(bucket: FakeBucket, action: str, resource: str) -> Any:
    """What a bucket's policy says. moto reads no conditions, so "deny what is not TLS" would deny everyone everything.

    A statement with a condition is left to whoever can judge it: the object gate refuses old signatures, and stands in for TLS.
    """
    document = json.loads(bucket.policy or b'{"Statement": []}')
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    unconditional = [statement for statement in statements if not statement.get("Condition")]
    return IAMPolicy(json.dumps({**document, "Statement": unconditional})).is_action_permitted(action, resource)


_overlap = moto.rds.utils.get_overlap_between_two_date_ranges


def _overlap_of_windows(*times: Any) -> int:
    """Windows that adjoin do not overlap; moto asks for less than nought seconds in common."""
    return _overlap(*times) or -1


_delete = Queue.delete_message


def _delete_alone(queue: Queue, receipt_handle: str) -> None:
    """moto makes the list of messages anew without the lock that a sender holds: what is sent meanwhile would be lost."""
    with queue._messages_lock:
        _delete(queue, receipt_handle)


_attach = IAMBackend.attach_role_policy


def _attach_of_amazon(backend: IAMBackend, policy_arn: str, role_name: str) -> None:
    """moto knows Amazon's own policies only where it read them all at its start, which costs every platform half a second."""
    with _reading_policies:
        if ":iam::aws:policy/" in policy_arn and not backend.aws_managed_policies:
            known = json.loads(aws_managed_policies_data).items()
            backend.aws_managed_policies = [
                AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data) for name, data in known
            ]
            backend.managed_policies.update({policy.arn: policy for policy in backend.aws_managed_policies})
    _attach(backend, policy_arn, role_name)


_reading_policies = threading.Lock()

# As `local/provider/services/lambda_.py` writes it; that module would load Pulumi into this process.
CODE_DESCRIPTION = "code-on-this-machine.json"
MOST_DESCRIPTION_BYTES = 4096
_content = moto.awslambda.models._zipfile_content


def _content_or_description(content: str | bytes) -> tuple[bytes, int, str, str]:
    """A zip that only says what a function's code is counts as that code: its digest and its size, without its bytes."""
    code, size, sha256, sha256_hex = _content(content)
    if size <= MOST_DESCRIPTION_BYTES and zipfile.is_zipfile(io.BytesIO(code)):
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            if archive.namelist() == [CODE_DESCRIPTION]:
                described = json.loads(archive.read(CODE_DESCRIPTION))
                return code, described["CodeSize"], described["CodeSha256"], sha256_hex
    return code, size, sha256, sha256_hex


_application = DomainDispatcherApplication.get_application


def _application_or_tokens(dispatcher: DomainDispatcherApplication, environ: dict[str, Any]) -> Any:
    """moto has none of the hosts at which Cognito gives tokens by OAuth."""
    return token_endpoint.answer if token_endpoint.is_asked(environ) else _application(dispatcher, environ)


MENDS: tuple[tuple[Any, str, Any], ...] = (
    (FakeBucket, "get_permission", _permission),
    (DomainDispatcherApplication, "get_application", _application_or_tokens),
    (moto.awslambda.models, "_zipfile_content", _content_or_description),
    (IAMBackend, "attach_role_policy", _attach_of_amazon),
    (Queue, "delete_message", _delete_alone),
    (moto.rds.utils, "get_overlap_between_two_date_ranges", _overlap_of_windows),
)

if __name__ == "__main__":
    for owner, name, mended in MENDS:
        setattr(owner, name, mended)
    main()
