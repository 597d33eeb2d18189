"""Episodes: lists with filters and sort orders."""

from uuid import uuid4

import pytest

from runtime.persistence.pages import Position, encode_cursor
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.episode_fields import ALL_FIELDS


class TestListEpisodes:
    @pytest.mark.requirement("P1-11")
    def test_list_entry_equals_the_episode_without_its_script(self, api: Api) -> None:
        bare, full = api.create_episode(), api.create_episode(**ALL_FIELDS)
        listed = api.client.get("/api/v1/episodes", api.viewer).json()["data"]
        expected = [{name: value for name, value in one.items() if name != "script_text"} for one in (full, bare)]
        assert listed == expected

    @pytest.mark.requirement("P1-11", "G-07")
    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_filtered_pages_have_no_gaps_or_duplicates(self, api: Api, limit: int) -> None:
        show, other = api.create_show(), api.create_show()
        wanted = []
        for number in range(1, 6):
            wanted.append(api.create_episode(show, episode_number=number, season_number=2, status="published"))
            api.create_episode(show, episode_number=number, season_number=1, status="published")
            api.create_episode(show, episode_number=100 + number, season_number=2, status="draft")
            api.create_episode(other, episode_number=number, season_number=2, status="published")
        query = {"show_id": show["show_id"], "season_number": 2, "status": "published", "limit": limit}
        seen, cursor = [], None
        for _ in range(6):
            page = api.client.get(
                "/api/v1/episodes", api.viewer, params=query | ({"cursor": cursor} if cursor else {})
            ).json()
            seen += [episode["episode_id"] for episode in page["data"]]
            cursor = page["page"]["next"]
            if cursor is None:
                break
        assert seen == [episode["episode_id"] for episode in reversed(wanted)]

    @pytest.mark.requirement("P1-11", "ROAD-106")
    def test_each_filter_selects_its_episodes(self, api: Api) -> None:
        show = api.create_show()
        wanted = {"category": "nature", "genre": "drama", "language": "de-DE", "publish_date": "2026-07-02"}
        other = {"category": "city", "genre": "comedy", "language": "en-US", "publish_date": "2026-07-04"}
        found, left = api.create_episode(show, **wanted), api.create_episode(show, **other)
        undated = api.create_episode(show)
        api.client.post(f"/api/v1/episodes/{found['episode_id']}/reject", user=api.admin)
        names = {one["episode_id"]: name for name, one in {"found": found, "left": left, "undated": undated}.items()}
        for query, expected in (
            ("category=nature", {"found"}),
            ("genre=drama", {"found"}),
            ("genre=Drama", set()),
            ("language=de-DE", {"found"}),
            ("approval_status=rejected", {"found"}),
            ("approval_status=approved", {"left", "undated"}),
            ("published_from=2026-07-03", {"left"}),
            ("published_to=2026-07-03", {"found"}),
            ("published_from=2026-07-02&published_to=2026-07-04", {"found", "left"}),
            ("published_from=2026-07-05&published_to=2026-07-01", set()),
            ("category=nature&genre=comedy", set()),
        ):
            listed = api.client.get(f"/api/v1/episodes?{query}", api.viewer).json()["data"]
            assert {names[one["episode_id"]] for one in listed} == expected, query

    @pytest.mark.parametrize("text", ["0", "1782864000", "2026-07-01T00:00:00", "2026-7-1", "2026-07-01 "])
    def test_invalid_dates_are_rejected(self, api: Api, text: str) -> None:
        response = api.client.get("/api/v1/episodes", api.viewer, params={"published_to": text})
        expected = {"query.published_to": "Input should be a date such as 2026-11-21"}
        assert problems(response, 400, "VALIDATION_ERROR") == expected

    @pytest.mark.requirement("P1-11")
    def test_number_sorts_by_season_and_episode(self, api: Api) -> None:
        show, largest = api.create_show(), 2**31 - 1
        numbers = [(1, 2), (1, 10), (1, largest), (2, 1), (10, 1), (largest, 1), (largest, largest)]
        for season, number in sorted(numbers, key=lambda pair: pair[1] % 7):
            api.create_episode(show, season_number=season, episode_number=number)
        seen, query = [], "?sort=number&limit=2"
        while query:
            page = api.client.get(f"/api/v1/episodes{query}", api.viewer).json()
            seen += [(one["season_number"], one["episode_number"]) for one in page["data"]]
            after = page["page"]["next"]
            query = f"?sort=number&limit=2&cursor={after}" if after else ""
        assert seen == numbers

    @pytest.mark.parametrize("place", ["{1,", "{x,1}", "1", "{99999999999,1}", "{{1},{2,3}}"])
    def test_cursor_with_an_invalid_value_is_rejected(self, api: Api, place: str) -> None:
        cursor = encode_cursor(Position(uuid4(), place), "number")
        response = api.client.get(f"/api/v1/episodes?sort=number&cursor={cursor}", api.viewer)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}

    def test_invalid_filters_are_rejected(self, api: Api) -> None:
        bad = ["status=lost", "season_number=0", "season_number=2147483648", "show_id=%00", "category=%00", "genre="]
        bad += ["approval_status=maybe", "language=x", "language=en%00", "published_from=today"]
        bad += ["published_to=2026-02-30", "published_to="]
        for query in bad:
            response = api.client.get(f"/api/v1/episodes?{query}", api.viewer)
            field = f"query.{query.partition('=')[0]}"
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {field}
