"""Users as clients get them."""

from uuid import UUID

from pydantic import Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp
from runtime.roles import Role


class User(Resource):
    """Somebody who wrote something, or asked who they are. The user pool knows their name, their groups and all the rest."""

    user_id: UUID = Field(
        description="The user's subject in the user pool; of a machine, what follows from its client."
    )
    email: str | None = Field(description="As a token said it last. Access tokens of Cognito normally do not.")
    created_at: Timestamp = Field(description="When the API first saw them.")
    last_seen_at: Timestamp = Field(description="When the API last noted them, to the minute: what only reads is not.")


class CurrentUser(User):
    """Who asks."""

    roles: list[Role] = Field(
        description="What they are, as their token says: the groups of theirs that the API knows."
    )
