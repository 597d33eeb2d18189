"""Guests: what is their own. The rest holds for every kind of record."""

from typing import Any

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS

guests = KINDS["guests"]


class TestListGuests:
    @pytest.mark.requirement("ROAD-112", "ROAD-82")
    def test_filters_narrow_alone_and_together(self, api: Api) -> None:
        made = {
            (value, tag): guests.create(api, role=value, tags=[tag, "both"])
            for value in ("stylist", "designer")
            for tag in ("rose", "gold")
        }

        def found(**query: str) -> set[tuple[str, str]]:
            ids = [each["guest_id"] for each in guests.answer(api.client.get(guests.path, api.viewer, params=query))]
            return {key for key, each in made.items() if each["guest_id"] in ids}

        assert found() == set(made)
        assert found(role="stylist") == {("stylist", "rose"), ("stylist", "gold")}
        assert found(role="stylist", tag="rose") == {("stylist", "rose")}
        assert found(tag="both", role="designer") == {("designer", "rose"), ("designer", "gold")}
        assert found(role="stylis") == found(tag="ros") == set()

    def test_filters_that_cannot_be_are_refused(self, api: Api) -> None:
        for name in ("role", "tag"):
            for value in ("", "x" * 101, "a\0"):
                answer = api.client.get(guests.path, api.viewer, params={name: value})
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}


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
    def test_https_addresses_are_kept_as_they_are_sent(self, api: Api) -> None:
        links = {f"Page {number}": url for number, url in enumerate(HTTPS_URLS)}
        made = guests.create(api, social_links=links)
        assert guests.stored(api, made)["social_links"] == links

    def test_anything_else_is_refused_by_its_name(self, api: Api) -> None:
        made = guests.create(api)
        for value in OTHER_VALUES:
            links = {"good": "https://example.com/", "bad": value}
            for answer in (
                api.client.post(guests.path, {"name": "Ines", "social_links": links}, api.editor),
                api.client.patch(guests.path_of(made), {"social_links": links}, api.editor),
            ):
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.social_links.bad"}, value
        assert guests.stored(api, made) == made

    def test_what_is_refused_is_not_repeated(self, api: Api) -> None:
        links = {"bad": "https://ines:secret@example.com/"}
        answer = api.client.post(guests.path, {"name": "Ines", "social_links": links}, api.editor)
        assert answer.status_code == 400
        assert "secret" not in answer.text

    def test_names_are_short_and_without_spaces_around_them(self, api: Api) -> None:
        for name in ("", " ", " x", "x ", "x" * 51, "a\nb"):
            body = {"name": "Ines", "social_links": {name: "https://example.com/"}}
            (field,) = problems(api.client.post(guests.path, body, api.editor), 400, "VALIDATION_ERROR")
            assert field is not None and field.startswith("body.social_links."), name

    def test_are_an_object_of_at_most_twenty(self, api: Api) -> None:
        links = {str(number): "https://x.example/" for number in range(21)}
        for value in ([], "https://example.com/", 5, links):
            answer = api.client.post(guests.path, {"name": "Ines", "social_links": value}, api.editor)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.social_links"}, value
        del links["20"]
        assert guests.create(api, social_links=links)["social_links"] == links

    def test_are_few_enough_bytes_for_a_page_of_a_hundred(self, api: Api) -> None:
        links = {str(number): "https://x.example/" + "ä" * 450 for number in range(20)}
        answer = api.client.post(guests.path, {"name": "Ines", "social_links": links}, api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR") == {"body.social_links": "This may have 16384 bytes as JSON"}


class TestBiography:
    def test_has_five_thousand_characters_at_most(self, api: Api) -> None:
        made = guests.create(api, biography="ä" * 5_000)
        assert guests.stored(api, made)["biography"] == "ä" * 5_000
        answer = api.client.patch(guests.path_of(made), {"biography": "x" * 5_001}, api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body.biography"}
