"""The life of an outfit, and the episodes in which it is worn."""

from runtime.features.activity_logs.schemas import ResourceType
from runtime.features.outfits.repository import TABLE
from runtime.records.lifecycle import Lifecycle
from runtime.records.links import Links

OUTFITS = Lifecycle(table=TABLE, resource_type=ResourceType.OUTFIT, called="outfit")
EPISODE_OUTFITS = Links(name="episode_outfits", records=OUTFITS)
