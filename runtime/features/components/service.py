"""RecordService of components."""

from runtime.features.components.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.service import RecordService

COMPONENTS = RecordService(table=TABLE, resource_type=ResourceType.COMPONENT, display_name="component")
