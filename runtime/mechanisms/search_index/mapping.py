"""The OpenSearch mapping of episodes, which makes OpenSearch match the same words as Postgres.

After a change of this file, a new index is built beside the current one and replaces it when it is complete.
"""

import hashlib
import json
from typing import Any

from runtime.mechanisms.search_index.stop_words import STOP_WORDS

# The alias that is searched and written to: the current index, which is complete.
ALIAS = "episodes"
# The alias of all indices created here, complete or not.
BUILDS_ALIAS = "episodes-builds"

_ANALYSIS: dict[str, Any] = {
    # Postgres splits words at these characters, the tokenizer does not.
    "char_filter": {
        "apart": {"type": "mapping", "mappings": [f"{character} => \\u0020" for character in ("'", "’", "_")]}
    },
    "filter": {
        "stop": {"type": "stop", "stopwords": sorted(STOP_WORDS)},
        # The same algorithm as Postgres' `english` configuration.
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
# Searchable only as a part of `text`.
_PART = {"type": "text", "index": False, "copy_to": "text"}

_PROPERTIES: dict[str, Any] = {
    # Deleted episodes stay in the index with `is_live: false`. OpenSearch remembers the version of a deleted document for only a
    # minute, after which a late write would restore it.
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
    # One replica if there is a second node.
    "auto_expand_replicas": "0-1",
    "analysis": _ANALYSIS,
}

DIGEST = hashlib.sha256(json.dumps([_SETTINGS, _PROPERTIES], sort_keys=True).encode()).hexdigest()[:12]


def definition(started_at: str) -> dict[str, Any]:
    """Return the body of the request that creates an index. `started_at` is the start of its build, by the database's clock."""
    return {
        "settings": _SETTINGS,
        # Unknown fields from an older or newer release are stored, but not searchable.
        "mappings": {
            "dynamic": False,
            "_meta": {"digest": DIGEST, "started_at": started_at},
            "properties": _PROPERTIES,
        },
        "aliases": {BUILDS_ALIAS: {}},
    }
