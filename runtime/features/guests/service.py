"""The life of a guest."""

from runtime.features.activity_logs.schemas import ResourceType
from runtime.features.guests.repository import TABLE
from runtime.records.lifecycle import Lifecycle

GUESTS = Lifecycle(table=TABLE, resource_type=ResourceType.GUEST, called="guest")
