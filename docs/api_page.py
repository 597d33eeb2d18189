"""Write docs/API.md: how to use the API, and every route with its purpose and the roles that may use it.

Routes, descriptions and permissions are taken from the application. Run by `make docs`; `--check` writes nothing and fails when
the page is stale.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from runtime.access.guards import Guard
from runtime.access.roles import ROLE_PERMISSIONS
from runtime.app import DESCRIPTION, ROUTERS
from runtime.roles import Role

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "API.md"
ORDER = (Role.VIEWER, Role.EDITOR, Role.ADMIN, Role.SYSTEM)

PAGE_TEXT = """\
# The API

Generated from the code by `make docs`; do not edit. A running platform serves the full description, with every field, at `/docs`
(interactive) and `/openapi.json` (for programs). See also [authentication](AUTHENTICATION.md),
[API conventions](api-conventions.md) and [error codes](errors.md).

{description}

A page has 20 records, or up to 100 (`limit`). Unknown fields are rejected, never dropped. A record of someone else and a record
that does not exist are the same 404.

## Routes

**Roles** are those with the route's permission: `viewer`, `editor` and `admin` are groups of the user pool, `system` is the
platform's machine client. *anyone* needs no token. Whether editors may create episodes is a setting
(`api.editors_create_episodes`).

{routes}
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operation of a route."""

    subject: str
    method: str
    path: str
    purpose: str
    roles: str


def rows() -> Iterator[Row]:
    """Yield every documented operation, in the order of the application's routers; aliases are left out."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        calls = [dependency.call for dependency in context.dependant.dependencies]
        permissions = [call.permission for call in calls if isinstance(call, Guard)]
        roles = [role for role in ORDER if permissions and permissions[0] in ROLE_PERMISSIONS.get(role, frozenset())]
        for method in sorted((context.methods or set()) - {"HEAD"}):
            yield Row(
                subject=str(route.tags[0]),
                method=method,
                path=context.path or "",
                purpose=_first_sentence(route),
                roles=", ".join(roles) if permissions else "*anyone*",
            )


def page() -> str:
    """Return the page's text."""
    rows_by_subject: dict[str, list[Row]] = {}
    for row in rows():
        rows_by_subject.setdefault(row.subject, []).append(row)
    tables = "\n\n".join(
        f"### {subject.capitalize()}\n\n{_table(subject_rows)}" for subject, subject_rows in rows_by_subject.items()
    )
    return PAGE_TEXT.format(description=DESCRIPTION.strip(), routes=tables)


def write_or_check(text: str, arguments: list[str]) -> str | None:
    """Write the page, or compare it with `--check`; return an error message for the exit."""
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
        return None
    current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return None if current == text else f"stale: {PAGE.relative_to(ROOT).as_posix()}; run `make docs`"


def _first_sentence(route: APIRoute) -> str:
    description = " ".join((route.endpoint.__doc__ or route.description).split())
    return description.partition(". ")[0].rstrip(".").replace("|", "\\|")


def _table(subject_rows: list[Row]) -> str:
    lines = [f"| `{row.method}` | `{row.path}` | {row.purpose} | {row.roles} |" for row in subject_rows]
    return "\n".join(["| Method | Path | Purpose | Roles |", "|---|---|---|---|", *lines])


if __name__ == "__main__":
    sys.exit(write_or_check(page(), sys.argv[1:]))
