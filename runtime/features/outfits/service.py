"""RecordService of outfits and their links to episodes."""

from runtime.features.episodes.service import EPISODES
from runtime.features.outfits.repository import TABLE
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.links import Links
from runtime.mechanisms.records.service import RecordService

OUTFITS = RecordService(table=TABLE, resource_type=ResourceType.OUTFIT, display_name="outfit")
EPISODE_OUTFITS = Links(owner=EPISODES, name="episode_outfits", records=OUTFITS)
