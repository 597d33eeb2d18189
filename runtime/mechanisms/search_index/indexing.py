"""Writing of documents to the search index. External versions make it idempotent and independent of the order."""

import json
from collections.abc import Iterable, Iterator

from runtime.adapters.logs import get_logger
from runtime.adapters.search_index import NEWLINE_JSON, READ_SECONDS, SearchIndex
from runtime.errors import UnavailableError
from runtime.mechanisms.search_index.documents import IndexedDocument
from runtime.mechanisms.search_index.mapping import ALIAS

SEARCH_DOCUMENT_REJECTED = "search_document_rejected"

# A small domain accepts requests of up to ten megabytes.
MAX_REQUEST_BYTES = 4_000_000
# The index already has this version or a newer one.
VERSION_CONFLICT = 409


def write_documents(
    index: SearchIndex, target: str, documents: Iterable[IndexedDocument], *, read_seconds: float = READ_SECONDS
) -> int:
    """Write documents to the index or alias `target`, unless it has newer ones, and return how many were written.

    A document that the engine rejects is logged and skipped.

    Raises:
        UnavailableError: The engine could not write all documents now.
    """
    written = 0
    for lines in _requests(target, documents):
        response = index.send("POST", "/_bulk", lines, content_type=NEWLINE_JSON, read_seconds=read_seconds)
        for item in response["items"]:
            result = item["index"]
            status, reason = result["status"], result.get("error", {}).get("reason")
            if status in (404, 429) or status >= 500:
                raise UnavailableError(f"the search engine cannot write a document now: {reason}")
            if status >= 300 and status != VERSION_CONFLICT:
                get_logger("search").error(
                    SEARCH_DOCUMENT_REJECTED, extra={"episode_id": result["_id"], "reason": reason}
                )
            written += status < 300
    return written


def _requests(target: str, documents: Iterable[IndexedDocument]) -> Iterator[bytes]:
    request = b""
    for document in documents:
        action = {
            "_index": target,
            "_id": str(document.episode_id),
            "version": document.version,
            "version_type": "external",
            # Without this, OpenSearch would create an index with default settings if the alias does not exist.
            "require_alias": target == ALIAS,
        }
        lines = f"{json.dumps({'index': action})}\n{document.source}\n".encode()
        if request and len(request) + len(lines) > MAX_REQUEST_BYTES:
            yield request
            request = b""
        request += lines
    if request:
        yield request
