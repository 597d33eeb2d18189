"""The rules of an episode: that its two sets of names agree, and which show it belongs to."""

from uuid import UUID

from runtime.access.tokens import Caller
from runtime.errors import FieldProblem, InvalidInputError, NotFoundError
from runtime.features.episodes import repository
from runtime.features.episodes.schemas import SECONDS_PER_MINUTE, Episode, EpisodeCreate
from runtime.features.shows import repository as shows
from runtime.features.users import repository as users
from runtime.web.transaction import Connection


def create(connection: Connection, caller: Caller, body: EpisodeCreate) -> Episode:
    """The new episode. InvalidInputError for names that are missing or disagree, NotFoundError for an unknown show,
    ConflictError for a number that is taken."""
    if problems := _problems_of(body):
        raise InvalidInputError("The names of the fields do not fit together", problems=problems)
    users.upsert(connection, caller.user_id, caller.email)
    show_id = _show_of(connection, body)
    return repository.insert(connection, show_id=show_id, columns=body.columns(), user_id=caller.user_id)


def _problems_of(body: EpisodeCreate) -> list[FieldProblem]:
    problems = []
    if body.show_id is None and body.show_name is None:
        problems.append(FieldProblem("Name the show here or in show_name", "body.show_id"))
    if body.title is None and body.episode_title is None:
        problems.append(FieldProblem("Field required", "body.title"))
    minutes = None if body.duration_seconds is None else body.duration_seconds // SECONDS_PER_MINUTE
    pairs = [
        ("title", body.title, "episode_title", body.episode_title),
        ("description", body.description, "plot_summary", body.plot_summary),
        ("duration_seconds", minutes, "duration_minutes", body.duration_minutes),
    ]
    for name, value, alias, alias_value in pairs:
        if value is not None and alias_value is not None and value != alias_value:
            problems.append(FieldProblem(f"This disagrees with {name}", f"body.{alias}"))
    return problems


def _show_of(connection: Connection, body: EpisodeCreate) -> UUID:
    by_id = shows.find(connection, body.show_id) if body.show_id else None
    if body.show_id and by_id is None:
        raise NotFoundError("There is no such show", field="body.show_id")
    by_name = shows.find_by_name(connection, body.show_name) if body.show_name else None
    if body.show_name and by_name is None:
        raise NotFoundError("There is no show of this name", field="body.show_name")
    if by_id and by_name and by_id.show_id != by_name.show_id:
        raise InvalidInputError("show_id and show_name disagree", field="body.show_name")
    show = by_id or by_name
    assert show is not None, "the body names a show"  # noqa: S101
    return show.show_id
