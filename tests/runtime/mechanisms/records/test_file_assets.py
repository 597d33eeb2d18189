"""What holds for every asset that is a file: where it is and what its hash is are checked, and named when they are wrong."""

from typing import Any

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS, Kind

FILES = {name: KINDS[name] for name in ("ui_elements", "backgrounds", "components")}
HASH = "0123456789abcdef" * 4

pytestmark = [
    pytest.mark.parametrize("kind", FILES.values(), ids=FILES),
    pytest.mark.requirement("ROAD-109", "ROAD-110", "ROAD-112"),
]


def refuse(api: Api, kind: Kind, field: str, value: Any) -> None:
    """Neither a new one nor a change may have this value."""
    record = kind.create(api)
    for answer in (
        api.client.post(kind.path, kind.new(api) | {field: value}, api.editor),
        api.client.patch(kind.path_of(record), {field: value}, api.editor),
    ):
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}, value
    assert kind.stored(api, record) == record


class TestFileReference:
    def test_is_an_address_in_s3(self, api: Api, kind: Kind) -> None:
        for reference in (
            "s3://abc/k",
            "s3://episode-metadata-storage-dev/assets/2026/Käse & Wein (1).png",
            "s3://a.b-c.d/folder/",
            f"s3://{'b' * 63}/{'k' * 955}",
        ):
            made = kind.create(api, file_reference=reference)
            assert kind.stored(api, made)["file_reference"] == reference

    def test_other_addresses_are_refused(self, api: Api, kind: Kind) -> None:
        for reference in (
            "",
            "picture.png",
            "https://abc/k",
            "S3://abc/k",
            "s3://abc",
            "s3://abc/",
            "s3:///k",
            " s3://abc/k",
        ):
            refuse(api, kind, "file_reference", reference)

    def test_buckets_that_cannot_be_are_refused(self, api: Api, kind: Kind) -> None:
        for bucket in ("ab", "b" * 64, "Bucket", "a_b", "-ab", "ab-", ".ab", "a..b", "10.0.0.1", "u:p@abc", "abc?x"):
            refuse(api, kind, "file_reference", f"s3://{bucket}/k")

    def test_control_characters_are_refused(self, api: Api, kind: Kind) -> None:
        for character in ("\x01", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"):
            refuse(api, kind, "file_reference", f"s3://abc/k{character}")
            refuse(api, kind, "file_reference", f"s3://abc/{character}k")

    def test_longer_ones_than_s3_keeps_are_refused(self, api: Api, kind: Kind) -> None:
        refuse(api, kind, "file_reference", "s3://abc/" + "k" * 1_016)
        # Few enough characters, and too many bytes.
        refuse(api, kind, "file_reference", "s3://abc/" + "ä" * 513)
        kind.create(api, file_reference="s3://abc/" + "ä" * 512)

    def test_what_is_no_text_is_refused(self, api: Api, kind: Kind) -> None:
        for value in (5, ["s3://abc/k"], {"bucket": "abc"}):
            refuse(api, kind, "file_reference", value)


class TestFileHash:
    def test_is_kept_as_it_is_sent(self, api: Api, kind: Kind) -> None:
        made = kind.create(api, file_hash=HASH)
        assert kind.stored(api, made)["file_hash"] == HASH
        (listed,) = kind.answer(api.client.get(kind.path, api.viewer))
        assert listed["file_hash"] == HASH

    def test_anything_but_64_lower_case_hexadecimal_digits_is_refused(self, api: Api, kind: Kind) -> None:
        for value in (
            "",
            HASH[:-1],
            HASH + "0",
            HASH.upper(),
            "g" + HASH[1:],
            HASH[:-1] + "\n",
            HASH + "\n",
            "٣" * 64,
            5,
        ):
            refuse(api, kind, "file_hash", value)
