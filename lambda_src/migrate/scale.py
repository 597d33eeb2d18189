"""Generates episodes for benchmarks in SQL: thousands per second, where API requests would take hours.

The nth episode is always the same, so another run creates only the missing ones. They bypass the activity log and the outbox,
and so also the search engine: they are for benchmarks of Postgres.
"""

from typing import Any, LiteralString

import psycopg

MAX_EPISODES = 1_000_000
EPISODES_PER_TRANSACTION = 10_000
EPISODES_PER_SHOW = 1_000
OUTFITS = 1_000

_SHOWS: LiteralString = """
INSERT INTO shows (name, description)
SELECT 'Scale ' || to_char(n, 'FM0000'), 'Made for measuring.'
FROM generate_series((%(first)s - 1) / %(of_show)s + 1, (%(last)s - 1) / %(of_show)s + 1) n
ON CONFLICT (name) DO NOTHING
"""
_OUTFITS: LiteralString = """
INSERT INTO outfits (name, top, shoes, accessories, tags)
SELECT 'Scale ' || to_char(n, 'FM0000'),
       jsonb_build_object('kind', kinds.top, 'colour', colours.top), jsonb_build_object('kind', kinds.shoes),
       jsonb_build_array(jsonb_build_object('kind', kinds.accessory)), ARRAY['scale', colours.top]
FROM generate_series(1, %(outfits)s) n,
     LATERAL (SELECT (ARRAY['blazer', 'shirt', 'jumper', 'coat', 'dress'])[n %% 5 + 1] AS top,
                     (ARRAY['boots', 'trainers', 'loafers', 'sandals'])[n %% 4 + 1] AS shoes,
                     (ARRAY['scarf', 'belt', 'hat'])[n %% 3 + 1] AS accessory) kinds,
     LATERAL (SELECT (ARRAY['red', 'white', 'navy', 'green', 'black', 'rust', 'cream'])[n %% 7 + 1] AS top) colours
WHERE NOT EXISTS (SELECT 1 FROM outfits WHERE outfits.name = 'Scale ' || to_char(n, 'FM0000') AND 'scale' = ANY (tags))
"""
# Clips and links are inserted by the same statement as their episodes, so that an episode has all of them or does not exist.
# `n` is the number of an episode among all; the name of its show and its own number follow from it.
_EPISODES: LiteralString = """
WITH wanted AS (
    SELECT n, shows.show_id, (n - 1) %% %(of_show)s + 1 AS episode_number
    FROM generate_series(%(first)s::int, %(last)s::int) n
    JOIN shows ON shows.name = 'Scale ' || to_char((n - 1) / %(of_show)s + 1, 'FM0000')
), made AS (
    INSERT INTO episodes (
        show_id, title, season_number, episode_number, status, description, duration_seconds, publish_date, script_text, tags,
        category, genre)
    SELECT show_id, 'Episode ' || n || ' of many', 1, episode_number,
           (ARRAY['published', 'published', 'draft', 'in_production', 'ready_for_publish'])[n %% 5 + 1],
           'About the ' || (ARRAY['harbour', 'meadow', 'market', 'terrace', 'atelier'])[n %% 5 + 1] || ' on day ' || n,
           600 + n %% 1800, CASE WHEN n %% 5 < 2 THEN DATE '2026-01-01' - n %% 1000 END,
           'FADE IN: a ' || (ARRAY['dawn', 'noon', 'dusk'])[n %% 3 + 1] || ' like no other, number ' || n || '.',
           ARRAY['scale', (ARRAY['spring', 'summer', 'autumn', 'winter'])[n %% 4 + 1]],
           (ARRAY['Style', 'Craft', 'Garden'])[n %% 3 + 1], (ARRAY['Documentary', 'Reality'])[n %% 2 + 1]
    FROM wanted
    ON CONFLICT (show_id, season_number, episode_number) DO NOTHING
    RETURNING episode_id, show_id, episode_number, script_text
), numbered AS (
    SELECT made.episode_id, made.script_text, wanted.n FROM made JOIN wanted USING (show_id, episode_number)
), scripts AS (
    INSERT INTO script_versions (episode_id, version_number, script_text, is_active, activated_at)
    SELECT episode_id, 1, script_text, true, now() FROM numbered
), clips AS (
    INSERT INTO clips (
        episode_id, title, talent_source, quality, status, file_name, file_hash, byte_count, duration_seconds, tags, assigned_at)
    SELECT episode_id, 'Clip ' || take || ' of ' || n, (ARRAY['Lala', 'JustAWomanInHerPrime'])[take],
           (ARRAY['hero', 'good', 'maybe'])[n %% 3 + 1], 'used', 'A' || n || '_C' || take || '.mov',
           encode(sha256(convert_to('scale/' || n || '/' || take, 'UTF8')), 'hex'), 1000000 + n, 10 + n %% 170,
           ARRAY['scale'], now()
    FROM numbered, generate_series(1, 2) take
), links AS (
    INSERT INTO episode_outfits (episode_id, outfit_id, usage_context)
    SELECT episode_id, outfit_id, 'Throughout'
    FROM numbered CROSS JOIN generate_series(0, 1) which
    JOIN (SELECT outfit_id, row_number() OVER (ORDER BY name) - 1 AS place
          FROM outfits WHERE name LIKE 'Scale %%' AND 'scale' = ANY (tags)) outfit
      ON outfit.place = (numbered.n * 2 + which) %% %(outfits)s
)
SELECT count(*) FROM made
"""


def create_episodes(owner: psycopg.Connection[Any], episodes: int) -> int:
    """Create the missing ones of the first `episodes`, each with a script, two clips and two outfits; return their number.

    Each transaction has ten thousand episodes; after an interruption, the next run creates the rest.
    """
    with owner.transaction():
        owner.execute(_OUTFITS, {"outfits": OUTFITS})
    made = 0
    for first in range(1, episodes + 1, EPISODES_PER_TRANSACTION):
        last = min(first + EPISODES_PER_TRANSACTION - 1, episodes)
        values = {"first": first, "last": last, "of_show": EPISODES_PER_SHOW, "outfits": OUTFITS}
        with owner.transaction():
            owner.execute(_SHOWS, values)
            row = owner.execute(_EPISODES, values).fetchone()
            made += row[0] if row else 0
    return made
