"""The five routes of a table of links: which episodes use a record, which records an episode uses, and who changes that."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.contract.schemas import RequestBody
from runtime.mechanisms.records.links import Links
from runtime.mechanisms.records.schemas import Link, Linkable, LinkBody, Usage, UsageContextParameter
from runtime.web.dependencies import DatabaseDep, Paging, TransactionDep, list_response


@dataclass(frozen=True, kw_only=True)
class LinkSchemas:
    """The schemas of one table of links, as they appear in the description of the API."""

    record: type[Linkable]
    """A record that an episode uses, with its usage."""
    episode: type[Usage]
    """An episode that uses the record, with its usage."""
    link: type[Link]
    body: type[RequestBody]
    """Many links at once: `links`, each with the record's id and a usage context."""


def add_link_routes(
    router: APIRouter,
    links: Links[Any],
    schemas: LinkSchemas,
    *,
    record_path: str,
    episode_path: str,
    read: Permission,
    write: Permission,
) -> None:
    """Add the routes that list, make and remove links.

    Args:
        router: The feature's router.
        links: The table of links.
        schemas: Request and response schemas.
        record_path: Path of the record's episodes, such as `/api/v1/outfits/{outfit_id}/episodes`.
        episode_path: Path of the episode's records, such as `/api/v1/episodes/{episode_id}/outfits`.
        read: Permission to list links.
        write: Permission to make and remove links.
    """
    row_id, display_name = links.records.table.row_id, links.records.display_name
    noun = row_id.removesuffix("_id")
    record_id_type = Annotated[UUID, Path(alias=row_id)]
    caller_type = Annotated[Caller, allow(write)]
    link_path = f"{episode_path}/{{{row_id}}}"

    def list_episodes(
        record_id: record_id_type,
        page: Paging,
        database: DatabaseDep,
        usage_context: UsageContextParameter | None = None,
    ) -> Response:
        with database.autocommit() as connection:
            found = links.list_episodes(connection, page, record_id, usage_context=usage_context)
        return list_response(found)

    def list_records(
        episode_id: UUID, page: Paging, database: DatabaseDep, usage_context: UsageContextParameter | None = None
    ) -> Response:
        with database.autocommit() as connection:
            found = links.list_records(connection, page, episode_id, usage_context=usage_context)
        return list_response(found)

    def link_records(
        caller: caller_type,
        episode_id: UUID,
        body: schemas.body,  # type: ignore[name-defined]  # the schema that the description shows
        transaction: TransactionDep,
    ) -> DataEnvelope[list[Any]]:
        made = links.put_many(transaction, caller, episode_id, body.links)
        return DataEnvelope(data=[schemas.link.model_validate(link) for link in made])

    def link_record(
        *,
        caller: caller_type,
        episode_id: UUID,
        record_id: record_id_type,
        body: LinkBody,
        transaction: TransactionDep,
    ) -> DataEnvelope[Any]:
        return DataEnvelope(
            data=schemas.link.model_validate(links.put(transaction, caller, episode_id, record_id, body))
        )

    def unlink_record(
        caller: caller_type,
        episode_id: UUID,
        record_id: record_id_type,
        transaction: TransactionDep,
    ) -> None:
        links.remove(transaction, caller, episode_id, record_id)

    router.get(
        record_path,
        name=f"list_{noun}_episodes",
        response_model=PageEnvelope[schemas.episode],  # type: ignore[name-defined]
        dependencies=[allow(read)],
        description=f"List the episodes that use the {display_name}, newest first, with the context of each use. "
        "`usage_context` selects one context exactly.",
    )(list_episodes)
    router.get(
        episode_path,
        name=f"list_episode_{noun}s",
        response_model=PageEnvelope[schemas.record],  # type: ignore[name-defined]
        dependencies=[allow(read)],
        description=f"List the {display_name}s that the episode uses, newest first, with the context of each use. "
        "`usage_context` selects one context exactly.",
    )(list_records)
    router.post(
        episode_path,
        name=f"link_{noun}s",
        response_model=DataEnvelope[list[schemas.link]],  # type: ignore[name-defined]
        description=f"Link {display_name}s to the episode, all of them or none. An existing link gets the new context.",
    )(link_records)
    router.put(
        link_path,
        name=f"link_{noun}",
        response_model=DataEnvelope[schemas.link],  # type: ignore[name-defined]
        description=f"Link the {display_name} to the episode. An existing link gets the new context.",
    )(link_record)
    router.delete(
        link_path,
        name=f"unlink_{noun}",
        status_code=204,
        description=f"Remove the link between the episode and the {display_name}. 404 when there is none.",
    )(unlink_record)
