"""RecordService of backgrounds and their links to episodes."""

from runtime.features.backgrounds.repository import TABLE
from runtime.features.episodes.service import EPISODES
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.links import Links
from runtime.mechanisms.records.service import RecordService

BACKGROUNDS = RecordService(table=TABLE, resource_type=ResourceType.BACKGROUND, display_name="background")
EPISODE_BACKGROUNDS = Links(owner=EPISODES, name="episode_backgrounds", records=BACKGROUNDS)
