"""The thumbnail function: a batch of messages from the queue in, the ids of those to deliver again out (ROAD-121).

Every message stands for itself: what one of them raises is logged and never reaches the others (ROAD-119).
"""

from collections.abc import Mapping
from typing import Any

from lambda_src.thumbnails.pipeline import Message, Pipeline
from runtime.adapters.database import get_database
from runtime.adapters.logs import get_logger
from runtime.adapters.objects import ObjectStore
from runtime.errors import RetryLaterError
from runtime.settings import ThumbnailSettings, load_settings

MESSAGE_RETURNED = "thumbnail_message_returned"
MESSAGE_FAILED = "thumbnail_message_failed"


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answers {"batchItemFailures": [{"itemIdentifier": message id}, …]}, also when that is all of them."""
    settings = load_settings(ThumbnailSettings)
    log = get_logger("thumbnails")
    pipeline = Pipeline(
        settings=settings, database=get_database(settings), objects=ObjectStore(settings.region), log=log
    )
    failed = []
    for record in event["Records"]:
        message_id = record["messageId"]
        with log.append_context_keys(message_id=message_id):
            try:
                pipeline.process(
                    Message(
                        message_id=message_id,
                        body=record["body"],
                        receive_count=int(record["attributes"]["ApproximateReceiveCount"]),
                    )
                )
            except RetryLaterError as error:
                # An ordinary turn of events: another worker has the job, or a service is away.
                log.warning(MESSAGE_RETURNED, extra={"reason": error.message})
                failed.append({"itemIdentifier": message_id})
            except Exception:
                log.exception(MESSAGE_FAILED)
                failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}
