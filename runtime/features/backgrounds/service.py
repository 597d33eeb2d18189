"""The life of a background, and the episodes that use it."""

from runtime.features.backgrounds.repository import TABLE
from runtime.features.episodes.service import EPISODES
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.links import Links
from runtime.mechanisms.records.service import RecordService

BACKGROUNDS = RecordService(table=TABLE, resource_type=ResourceType.BACKGROUND, display_name="background")
EPISODE_BACKGROUNDS = Links(owner=EPISODES, name="episode_backgrounds", records=BACKGROUNDS)
