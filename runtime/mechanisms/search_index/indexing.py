"""Writes episodes into the search index. Versions decide, so the order of writing does not matter and repeating does no harm."""

import json
from collections.abc import Iterable, Iterator

from runtime.adapters.logs import get_logger
from runtime.adapters.search_index import NEWLINE_JSON, READ_SECONDS, SearchIndex
from runtime.errors import UnavailableError
from runtime.mechanisms.search_index.documents import IndexedDocument
from runtime.mechanisms.search_index.mapping import ALIAS

SEARCH_DOCUMENT_REFUSED = "search_document_refused"

# A small domain takes requests of up to ten megabytes.
MOST_BYTES = 4_000_000
# The index has this version already, or a newer one.
CONFLICT = 409


def write_documents(
    index: SearchIndex, target: str, documents: Iterable[IndexedDocument], *, read_seconds: float = READ_SECONDS
) -> int:
    """Has the index `target`, or the one that this alias stands for, keep these unless it has newer ones. How many it kept.

    UnavailableError when it could not keep all of them now. A document that it can never keep is told to the log and left out.
    """
    kept = 0
    for lines in _requests(target, documents):
        answer = index.send("POST", "/_bulk", lines, content_type=NEWLINE_JSON, read_seconds=read_seconds)
        for item in answer["items"]:
            result = item["index"]
            status, reason = result["status"], result.get("error", {}).get("reason")
            if status in (404, 429) or status >= 500:
                raise UnavailableError(f"the search engine cannot keep a document now: {reason}")
            if status >= 300 and status != CONFLICT:
                get_logger("search").error(
                    SEARCH_DOCUMENT_REFUSED, extra={"episode_id": result["_id"], "reason": reason}
                )
            kept += status < 300
    return kept


def _requests(target: str, documents: Iterable[IndexedDocument]) -> Iterator[bytes]:
    request = b""
    for document in documents:
        action = {
            "_index": target,
            "_id": str(document.episode_id),
            "version": document.version,
            "version_type": "external",
            # Written to by a name that nothing bears, OpenSearch would make an index of that name, of its own ideas.
            "require_alias": target == ALIAS,
        }
        lines = f"{json.dumps({'index': action})}\n{document.source}\n".encode()
        if request and len(request) + len(lines) > MOST_BYTES:
            yield request
            request = b""
        request += lines
    if request:
        yield request
