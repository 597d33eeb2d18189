"""The thumbnail function: processes a batch of queue messages and reports those that are to be delivered again (ROAD-121).

Messages are independent: an error in one is logged and does not affect the others (ROAD-119).
"""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent

from lambda_src.thumbnails.pipeline import Pipeline
from runtime.adapters.database import get_database
from runtime.adapters.logs import get_logger
from runtime.adapters.objects import ObjectStore
from runtime.errors import RetryLaterError
from runtime.settings import ThumbnailSettings, load_settings

MESSAGE_RETURNED = "thumbnail_message_returned"
MESSAGE_FAILED = "thumbnail_message_failed"


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Process the messages and return {"batchItemFailures": [{"itemIdentifier": message id}, …]}, even if all failed."""
    settings = load_settings(ThumbnailSettings)
    log = get_logger("thumbnails")
    pipeline = Pipeline(
        settings=settings, database=get_database(settings), objects=ObjectStore(settings.region), log=log
    )
    failures = []
    # Powertools' BatchProcessor keeps the tracebacks of all failed messages until the end of the batch, and with them the
    # images in their frames: ten failures would hold up to a quarter of the function's memory.
    for record in SQSEvent(event).records:
        with log.append_context_keys(message_id=record.message_id):
            try:
                pipeline.process(record)
            except RetryLaterError as error:
                # Expected: another worker has the job, or a service is unavailable.
                log.warning(MESSAGE_RETURNED, extra={"reason": error.message})
                failures.append({"itemIdentifier": record.message_id})
            except Exception:
                log.exception(MESSAGE_FAILED)
                failures.append({"itemIdentifier": record.message_id})
    return {"batchItemFailures": failures}
