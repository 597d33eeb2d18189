"""The life of a guest."""

from runtime.features.guests.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.lifecycle import Lifecycle

GUESTS = Lifecycle(table=TABLE, resource_type=ResourceType.GUEST, called="guest")
