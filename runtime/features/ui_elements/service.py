"""RecordService of UI elements and their links to episodes."""

from runtime.features.episodes.service import EPISODES
from runtime.features.ui_elements.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.links import Links
from runtime.mechanisms.records.service import RecordService

UI_ELEMENTS = RecordService(table=TABLE, resource_type=ResourceType.UI_ELEMENT, display_name="UI element")
EPISODE_UI_ELEMENTS = Links(owner=EPISODES, name="episode_ui_elements", records=UI_ELEMENTS)
