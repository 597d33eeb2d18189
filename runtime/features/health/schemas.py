"""What probes are told. These answers are not wrapped: a load balancer and a human read them."""

from typing import Literal

from pydantic import BaseModel, Field

from runtime.contract.values import Timestamp


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    timestamp: Timestamp
    environment: str = Field(examples=["development"])


class Version(BaseModel):
    """What is deployed."""

    release: str = Field(examples=["0.1.0"])
    environment: str = Field(examples=["development"])
