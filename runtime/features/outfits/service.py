"""The life of an outfit, and the episodes in which it is worn."""

from runtime.features.episodes.service import EPISODES
from runtime.features.outfits.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.lifecycle import Lifecycle
from runtime.mechanisms.records.links import Links

OUTFITS = Lifecycle(table=TABLE, resource_type=ResourceType.OUTFIT, called="outfit")
EPISODE_OUTFITS = Links(owner=EPISODES, name="episode_outfits", records=OUTFITS)
