"""The table of environments, compared with the graph: the buckets, and what becomes of old objects."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, everywhere

THREE = ("storage", "temp", "thumbnails")
LOGGED = ("access-logs", *THREE)
NEVER = 10_000


def buckets(*things: Any) -> Any:
    return lambda environment: [f"episode-metadata-{thing}-{environment}" for thing in things]


def of_each(kind: Any, read: Any) -> Any:
    """What a setting of every bucket is, by what the bucket holds."""

    def reading(graph: Graph) -> Any:
        return {graph.source(each, "bucket")[0].removesuffix("-bucket"): read(each.inputs) for each in graph.of(kind)}

    return reading


def settings(found: Any) -> Any:
    """The same for each bucket of each environment."""
    return cells(dict.fromkeys(THREE, found), dict.fromkeys(LOGGED, found), dict.fromkeys(LOGGED, found))


def rules(graph: Graph, bucket: Any) -> Any:
    return {each["id"]: each for each in graph.named(f"{bucket}-lifecycle").inputs["rules"]}


def moves(graph: Graph) -> Any:
    """Which objects of the storage bucket go where, and at what age in days: (prefix, tags, days, class)."""
    found = []
    for rule in rules(graph, "storage").values():
        # Where a rule has both, S3 calls it malformed.
        assert "prefix" not in rule
        both = rule["filter"].get("and", rule["filter"])
        for move in rule.get("transitions", ()):
            found.append((both["prefix"], both.get("tags", {}), move["days"], move["storageClass"]))
    return sorted(found, key=str)


def frozen_after(key: Any) -> Any:
    """At what age an object without tags that is read every day has to be restored before it is read; NEVER for not at all."""

    def read(graph: Graph) -> Any:
        days = [
            days
            for prefix, tags, days, kind in moves(graph)
            if key.startswith(prefix) and not tags and kind == "GLACIER"
        ]
        return min(days, default=NEVER)

    return read


def unread(graph: Graph) -> Any:
    """What is archived when nobody read it: (prefix, days, tier)."""
    return [
        (each.inputs["filter"]["prefix"], tier["days"], tier["accessTier"])
        for each in graph.of("BucketIntelligentTieringConfiguration")
        for tier in each.inputs["tierings"]
    ]


def cross_origin(field: Any) -> Any:
    return lambda graph: {
        each.name: each.inputs["corsRules"][0][field]
        for each in graph.of("BucketCorsConfiguration")
        if len(each.inputs["corsRules"]) == 1
    }


def pages(found: Any) -> Any:
    return {"storage-cors": found, "temp-cors": found}


LOCAL = ["http://localhost:3000", "http://localhost:3001", "http://localhost:5173"]
STAGING, PRODUCTION = ["https://api-staging.example.com"], ["https://api.example.com"]
ITEMS: tuple[str, dict[str, str], int, str] = ("raw/items/", {}, 0, "INTELLIGENT_TIERING")
DOCUMENTS: tuple[str, dict[str, str], int, str] = ("raw/documents/", {}, 2555, "GLACIER")
ROWS = [
    pytest.param(
        Row(
            what="buckets",
            read=lambda graph: [each.inputs["bucket"] for each in graph.of("Bucket")],
            cells=cells(buckets(*THREE)("dev"), buckets(*LOGGED)("staging"), buckets(*LOGGED)("production")),
            documents={name: buckets("storage", "thumbnails")(name) for name in ("dev", "staging", "production")},
            because="A third for uploads that nobody verified yet (P2-01, C-15), and where access is logged, one for that (LX-62).",
        ),
        marks=pytest.mark.requirement("ROAD-04", "ROAD-28", "ROAD-46", "P2-01", "C-15", "LX-62"),
    ),
    pytest.param(
        Row(
            what="versioned",
            read=of_each("BucketVersioning", lambda found: found["versioningConfiguration"]["status"]),
            cells=settings("Enabled"),
            documents=cells(*({"storage": "Enabled"} for _ in range(3))),
            because="The roadmap asks for one bucket, the launch of S3 for all (P2-02); C-16 takes the stricter.",
        ),
        marks=pytest.mark.requirement("ROAD-26", "P2-02", "C-16"),
    ),
    pytest.param(
        Row(
            what="encrypted with",
            read=of_each(
                "BucketServerSideEncryptionConfiguration",
                lambda found: found["rules"][0]["applyServerSideEncryptionByDefault"]["sseAlgorithm"],
            ),
            cells=settings("AES256"),
        ),
        marks=pytest.mark.requirement("ROAD-27", "P2-02", "ROAD-50"),
    ),
    pytest.param(
        Row(
            what="objects belong to",
            read=of_each("BucketOwnershipControls", lambda found: found["rule"]["objectOwnership"]),
            cells=settings("BucketOwnerEnforced"),
        ),
        marks=pytest.mark.requirement("C-34"),
    ),
    pytest.param(
        Row(
            what="pages that may use them",
            read=cross_origin("allowedOrigins"),
            cells=cells(pages(LOCAL), pages(STAGING), pages(PRODUCTION)),
        ),
        marks=pytest.mark.requirement("ROAD-29", "ROAD-06", "P2-53"),
    ),
    pytest.param(
        Row(
            what="methods",
            read=cross_origin("allowedMethods"),
            cells=everywhere(pages(["GET", "PUT", "POST", "DELETE"])),
        ),
        marks=pytest.mark.requirement("ROAD-29"),
    ),
    pytest.param(
        Row(what="headers", read=cross_origin("allowedHeaders"), cells=everywhere(pages(["*"]))),
        marks=pytest.mark.requirement("ROAD-29"),
    ),
    pytest.param(
        Row(
            what="seconds that a page may rely on it", read=cross_origin("maxAgeSeconds"), cells=everywhere(pages(3000))
        ),
        marks=pytest.mark.requirement("ROAD-29"),
    ),
    pytest.param(
        Row(
            what="moves of old originals",
            read=moves,
            cells=cells(
                [],
                [DOCUMENTS, ITEMS],
                sorted(
                    [("", {"Archive": "true"}, 180, "GLACIER"), ("raw/", {}, 90, "GLACIER"), DOCUMENTS, ITEMS], key=str
                ),
            ),
        ),
        marks=pytest.mark.requirement("ROAD-30", "A-03", "C-17", "LX-53", "LX-54"),
    ),
    pytest.param(
        Row(
            what="originals that nobody reads",
            read=unread,
            cells=cells([], [("raw/items/", 365, "ARCHIVE_ACCESS")], [("raw/items/", 365, "ARCHIVE_ACCESS")]),
        ),
        marks=pytest.mark.requirement("C-18", "LX-51", "LX-54"),
    ),
    pytest.param(
        Row(
            what="age at which an item's original that is read every day is frozen",
            read=frozen_after("raw/items/1"),
            cells=cells(NEVER, NEVER, 90),
            documents={"production": NEVER},
            because="The roadmap freezes all of raw/ at 90 days (ROAD-30), and no rule of S3 can leave a part of a prefix out.",
        ),
    ),
    pytest.param(
        Row(
            what="age at which a document's original is frozen",
            read=frozen_after("raw/documents/1"),
            cells=cells(NEVER, 2555, 90),
            documents={"production": 2555},
            because="The same: what lies below raw/ is frozen at 90 days, before the seven years that documents wait elsewhere.",
        ),
    ),
    pytest.param(
        Row(
            what="days of versions that were replaced",
            read=lambda graph: {
                thing: rules(graph, thing)["tidy"]["noncurrentVersionExpiration"]["noncurrentDays"] for thing in THREE
            },
            cells=cells(
                {"storage": 30, "temp": 1, "thumbnails": 30},
                {"storage": 30, "temp": 1, "thumbnails": 30},
                {"storage": 90, "temp": 1, "thumbnails": 30},
            ),
        ),
        marks=pytest.mark.requirement("C-16"),
    ),
    pytest.param(
        Row(
            what="days of uploads that nobody completed",
            read=lambda graph: rules(graph, "temp")["expire"]["expiration"],
            cells=everywhere({"days": 1}),
        ),
        marks=pytest.mark.requirement("C-17", "LX-05", "LX-50"),
    ),
    pytest.param(
        Row(
            what="days of parts of uploads that were never finished",
            read=lambda graph: {
                each.name.removesuffix("-lifecycle"): rules(graph, each.name.removesuffix("-lifecycle"))["tidy"][
                    "abortIncompleteMultipartUpload"
                ]["daysAfterInitiation"]
                for each in graph.of("BucketLifecycleConfiguration")
            },
            cells=settings(7),
        ),
        marks=pytest.mark.requirement("C-17", "NOVA-38"),
    ),
    pytest.param(
        Row(
            what="days of access logs",
            read=lambda graph: [
                rules(graph, "access-logs")["expire"]["expiration"]["days"]
                for each in graph.of("Bucket")
                if each.name == "access-logs-bucket"
            ],
            cells=cells([], [90], [365]),
        ),
        marks=pytest.mark.requirement("LX-62"),
    ),
    pytest.param(
        Row(
            what="buckets whose requests are logged",
            read=lambda graph: sorted(each.name.removesuffix("-access-log") for each in graph.of("BucketLogging")),
            cells=cells([], [*THREE], [*THREE]),
        ),
        marks=pytest.mark.requirement("LX-62"),
    ),
]


class TestStorage:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]

    @pytest.mark.requirement("A-15")
    def test_suffix_makes_other_bucket_names(
        self, evaluated: Callable[..., Graph], settings_of: Callable[..., dict[str, Any]]
    ) -> None:
        graph = evaluated(settings_of("staging", buckets__name_suffix="acme"))
        assert [each.inputs["bucket"] for each in graph.of("Bucket")] == [
            f"{name}-acme" for name in buckets(*LOGGED)("staging")
        ]
        # Those who were told the names were told these.
        assert "episode-metadata-storage-staging-acme" in graph.variables("api").values()
        origins = graph.named("media-distribution").inputs["origins"]
        assert origins[0]["domainName"].startswith("episode-metadata-thumbnails-staging-acme.s3.")
