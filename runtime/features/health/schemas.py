"""Response schemas of health checks. They have no envelope: load balancers and people read them."""

from typing import Literal

from pydantic import BaseModel, Field

from runtime.contract.values import Timestamp


class Health(BaseModel):
    """A successful health check."""

    status: Literal["ok"] = "ok"
    timestamp: Timestamp
    environment: str = Field(examples=["development"])


class Version(BaseModel):
    """The deployed release."""

    release: str = Field(examples=["0.1.0"])
    environment: str = Field(examples=["development"])
