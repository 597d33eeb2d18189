"""Guests: filters, social links, biography. What all records have in common is tested in mechanisms/records."""

from typing import Any

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

guests = KINDS["guests"]


class TestListGuests:
    @pytest.mark.requirement("ROAD-112", "ROAD-82")
    def test_filters_combine(self, api: Api) -> None:
        created = {
            (value, tag): guests.create(api, role=value, tags=[tag, "both"])
            for value in ("stylist", "designer")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            rows = api.client.get(guests.path, api.viewer, params=query).json()["data"]
            ids = [row["guest_id"] for row in rows]
            return {key for key, each in created.items() if each["guest_id"] in ids}

        assert found() == set(created)
        assert found(role="stylist") == {("stylist", "rose"), ("stylist", "gold")}
        assert found(role="stylist", tag="rose") == {("stylist", "rose")}
        assert found(tag="both", role="designer") == {("designer", "rose"), ("designer", "gold")}
        assert found(role="stylis") == found(tag="ros") == set()

    def test_invalid_filters_are_rejected(self, api: Api) -> None:
        for name in ("role", "tag"):
            for value in ("", "x" * 101, "a\0"):
                response = api.client.get(guests.path, api.viewer, params={name: value})
                assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


HTTPS_URLS = [
    "https://example.com",
    "https://www.example.com/@ines?tab=posts#latest",
    "https://de.wikipedia.org/wiki/Käse_(Milch)",
    "https://münchen.example/",
    "https://[2001:db8::1]:8443/a%20b",
]
OTHER_VALUES: list[Any] = [
    "",
    "example.com",
    "http://example.com/",
    "HTTPS://example.com/",
    "javascript:alert(1)//https://example.com",
    "https://",
    "https:///path",
    "https://ines:secret@example.com/",
    "https://example.com\\@elsewhere.example/",
    "https://example.com/a b",
    "https://example.com/\n",
    "https://example.com/\u2028",
    "https://example.com/\x7f",
    'https://example.com/"onclick="',
    "https://example.com/<script>",
    "https://1.2.3.4.5/",
    "https://example.com:99999/",
    " https://example.com/",
    "https://example.com/" + "x" * 512,
    None,
    5,
    ["https://example.com/"],
]


class TestSocialLinks:
    def test_https_urls_are_stored_unchanged(self, api: Api) -> None:
        links = {f"Page {number}": url for number, url in enumerate(HTTPS_URLS)}
        created = guests.create(api, social_links=links)
        assert guests.stored(api, created)["social_links"] == links

    def test_other_urls_are_rejected_with_their_names(self, api: Api) -> None:
        created = guests.create(api)
        for value in OTHER_VALUES:
            links = {"good": "https://example.com/", "bad": value}
            for response in (
                api.client.post(guests.path, {"name": "Ines", "social_links": links}, api.editor),
                api.client.patch(guests.path_of(created), {"social_links": links}, api.editor),
            ):
                assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.social_links.bad"}, value
        assert guests.stored(api, created) == created

    def test_rejected_value_is_not_echoed(self, api: Api) -> None:
        links = {"bad": "https://ines:secret@example.com/"}
        response = api.client.post(guests.path, {"name": "Ines", "social_links": links}, api.editor)
        assert response.status_code == 400
        assert "secret" not in response.text

    def test_long_and_padded_names_are_rejected(self, api: Api) -> None:
        for name in ("", " ", " x", "x ", "x" * 51, "a\nb"):
            body = {"name": "Ines", "social_links": {name: "https://example.com/"}}
            (field,) = problems(api.client.post(guests.path, body, api.editor), 400, "VALIDATION_ERROR")
            assert field is not None and field.startswith("body.social_links."), name

    def test_more_than_20_links_are_rejected(self, api: Api) -> None:
        links = {str(number): "https://x.example/" for number in range(21)}
        values: list[Any] = [[], "https://example.com/", 5, links]
        for value in values:
            response = api.client.post(guests.path, {"name": "Ines", "social_links": value}, api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.social_links"}, value
        del links["20"]
        assert guests.create(api, social_links=links)["social_links"] == links

    def test_more_than_16_kib_are_rejected(self, api: Api) -> None:
        links = {str(number): "https://x.example/" + "ä" * 450 for number in range(20)}
        response = api.client.post(guests.path, {"name": "Ines", "social_links": links}, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR") == {
            "body.social_links": "Must have at most 16384 bytes as JSON"
        }


class TestBiography:
    def test_more_than_5000_characters_are_rejected(self, api: Api) -> None:
        created = guests.create(api, biography="ä" * 5_000)
        assert guests.stored(api, created)["biography"] == "ä" * 5_000
        response = api.client.patch(guests.path_of(created), {"biography": "x" * 5_001}, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.biography"}
