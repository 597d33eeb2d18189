"""RecordService of guests."""

from runtime.features.guests.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.service import RecordService

GUESTS = RecordService(table=TABLE, resource_type=ResourceType.GUEST, display_name="guest")
