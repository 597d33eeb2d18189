"""Response schemas of users."""

from uuid import UUID

from pydantic import Field

from runtime.contract.schemas import Resource
from runtime.contract.values import Timestamp
from runtime.roles import Role


class User(Resource):
    """A user who has used the API. Names and groups are in the user pool only."""

    user_id: UUID = Field(description="The user's subject in the user pool; for a machine, derived from its client id.")
    email: str | None = Field(
        description="From the last token that contained one; Cognito's access tokens normally do not."
    )
    created_at: Timestamp = Field(description="When the user first used the API.")
    last_seen_at: Timestamp = Field(description="Time of the user's last write, to the minute; reads are not recorded.")


class CurrentUser(User):
    """The caller."""

    roles: list[Role] = Field(description="Roles from the token: the user's groups that are roles of the API.")
