"""How episodes are indexed by OpenSearch: so that it finds by the same words as Postgres does.

A change of this file makes another index: it is built beside the one that answers, and takes its place when it is complete.
"""

import hashlib
import json
from typing import Any

from runtime.mechanisms.search_index.stop_words import STOP_WORDS

# What is searched and written: stands for one index, once that is complete.
ALIAS = "episodes"
# Stands for every index that was made here, complete or not.
BUILDS_ALIAS = "episodes-builds"

_ANALYSIS: dict[str, Any] = {
    # Postgres ends a word at these, the tokenizer does not.
    "char_filter": {
        "apart": {"type": "mapping", "mappings": [f"{character} => \\u0020" for character in ("'", "’", "_")]}
    },
    "filter": {
        "stop": {"type": "stop", "stopwords": sorted(STOP_WORDS)},
        # By the very rules of Postgres' `english`.
        "stems": {"type": "stemmer", "language": "porter2"},
    },
    "analyzer": {
        "words": {
            "type": "custom",
            "char_filter": ["apart"],
            "tokenizer": "standard",
            "filter": ["lowercase", "stop", "stems"],
        }
    },
}
_WORDS = {"type": "text", "analyzer": "words"}
_KEYWORD = {"type": "keyword"}
# Searched as a part of `text` and not by itself.
_PART = {"type": "text", "index": False, "copy_to": "text"}

_PROPERTIES: dict[str, Any] = {
    # An episode that is deleted stays as one that is not live. Deleted here too, its version would be forgotten after a minute,
    # and whatever comes late would bring it back.
    "is_live": {"type": "boolean"},
    "episode_id": _KEYWORD,
    "show_id": _KEYWORD,
    "status": _KEYWORD,
    "season_number": {"type": "integer"},
    "text": _WORDS,
    "title": _WORDS | {"copy_to": "text"},
    "show_name": _WORDS | {"copy_to": "text"},
    "description": _PART,
    "script_text": _PART,
    "tags": _PART,
    "category": _PART,
    "genre": _PART,
}
_SETTINGS: dict[str, Any] = {
    "number_of_shards": 1,
    # A copy where there is a second node.
    "auto_expand_replicas": "0-1",
    "analysis": _ANALYSIS,
}

DIGEST = hashlib.sha256(json.dumps([_SETTINGS, _PROPERTIES], sort_keys=True).encode()).hexdigest()[:12]


def definition(started_at: str) -> dict[str, Any]:
    """The body that makes an index. `started_at` is when its building began, by the database's clock."""
    return {
        "settings": _SETTINGS,
        # What an older or newer release sends besides is kept and not searched.
        "mappings": {
            "dynamic": False,
            "_meta": {"digest": DIGEST, "started_at": started_at},
            "properties": _PROPERTIES,
        },
        "aliases": {BUILDS_ALIAS: {}},
    }
