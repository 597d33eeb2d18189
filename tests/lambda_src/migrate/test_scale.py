"""Generated episodes, on a real server."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from lambda_src.migrate import scale
from lambda_src.migrate.handler import MigrationFailedError, handler
from tests.lambda_src.migrate.conftest import Deployment
from tests.runtime.conftest import forget_the_process

TABLES = ("shows", "episodes", "script_versions", "clips", "episode_outfits", "outfits")
COUNT = sql.SQL("SELECT count(*) FROM {}")


@pytest.fixture
def seedable(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment with its schema that allows seeding."""
    monkeypatch.setenv("PLATFORM_SEEDING", "true")
    forget_the_process()
    handler({}, None)
    return deployment


def seed(episodes: Any) -> dict[str, Any]:
    return handler({"action": "seed", "episodes": episodes}, None)


def counts(deployment: Deployment) -> dict[str, int]:
    with deployment.connect() as connection:
        rows = {name: connection.execute(COUNT.format(sql.Identifier(name))).fetchone() for name in TABLES}
    return {name: row[0] for name, row in rows.items() if row}


class TestSeed:
    def test_each_episode_has_script_clips_and_outfits(self, seedable: Deployment) -> None:
        assert seed(1_500) == {"episodes": 1_500, "made": 1_500}
        assert counts(seedable) == {
            "shows": 2, "episodes": 1_500, "script_versions": 1_500, "clips": 3_000, "episode_outfits": 3_000,
            "outfits": 1_000,
        }  # fmt: skip
        with seedable.connect() as connection:
            whole = connection.execute(
                "SELECT count(*) FROM episodes e"
                " WHERE (SELECT script_text FROM script_versions s WHERE s.episode_id = e.episode_id AND is_active)"
                " = e.script_text AND (SELECT count(*) FROM clips c WHERE c.episode_id = e.episode_id) = 2"
                " AND (SELECT count(*) FROM episode_outfits o WHERE o.episode_id = e.episode_id) = 2"
            ).fetchone()
        assert whole == (1_500,)

    def test_repeated_seed_creates_only_missing_episodes(self, seedable: Deployment) -> None:
        seed(300)
        assert seed(300) == {"episodes": 300, "made": 0}
        assert seed(1_200) == {"episodes": 1_200, "made": 900}
        assert counts(seedable)["clips"] == 2_400
        assert counts(seedable)["outfits"] == 1_000

    def test_interrupted_seed_is_completed_by_next_run(
        self, seedable: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scale, "EPISODES_PER_TRANSACTION", 100)
        with psycopg.connect(seedable.address.conninfo, autocommit=True) as administrator:
            administrator.execute("ALTER TABLE clips ADD CONSTRAINT stop CHECK (title <> 'Clip 2 of 250')")
            with pytest.raises(psycopg.errors.CheckViolation):
                seed(400)
            assert counts(seedable)["episodes"] == 200
            assert counts(seedable)["clips"] == 400
            administrator.execute("ALTER TABLE clips DROP CONSTRAINT stop")
        assert seed(400) == {"episodes": 400, "made": 200}
        assert counts(seedable)["clips"] == 800


class TestRejections:
    def test_disallowed_seed_creates_nothing(self, deployment: Deployment) -> None:
        handler({}, None)
        with pytest.raises(MigrationFailedError, match=r"migrate\.seeding is false"):
            seed(10)
        assert counts(deployment)["episodes"] == 0

    @pytest.mark.parametrize("episodes", [None, 0, -1, True, "10", 1.5, scale.MAX_EPISODES + 1])
    def test_invalid_number_is_rejected(self, seedable: Deployment, episodes: Any) -> None:
        with pytest.raises(MigrationFailedError, match="episodes: must be a number from 1 to 1,000,000"):
            seed(episodes)
        assert counts(seedable)["episodes"] == 0
