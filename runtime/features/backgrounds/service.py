"""The life of a background, and the episodes that use it."""

from runtime.features.backgrounds.repository import TABLE
from runtime.features.episodes.service import EPISODES
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.lifecycle import Lifecycle
from runtime.mechanisms.records.links import Links

BACKGROUNDS = Lifecycle(table=TABLE, resource_type=ResourceType.BACKGROUND, called="background")
EPISODE_BACKGROUNDS = Links(owner=EPISODES, name="episode_backgrounds", records=BACKGROUNDS)
