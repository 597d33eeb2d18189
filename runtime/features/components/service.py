"""The life of a component."""

from runtime.features.activity_logs.schemas import ResourceType
from runtime.features.components.repository import TABLE
from runtime.records.lifecycle import Lifecycle

COMPONENTS = Lifecycle(table=TABLE, resource_type=ResourceType.COMPONENT, called="component")
