"""The life of a component."""

from runtime.features.components.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.lifecycle import Lifecycle

COMPONENTS = Lifecycle(table=TABLE, resource_type=ResourceType.COMPONENT, called="component")
