"""Sixty hostile names of files, on every way that a name comes in and goes out."""

import re
import unicodedata
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.files.hostile_names import HOSTILE_NAMES
from tests.runtime.features.files.sent_files import PHOTO, UPLOAD, announce, path, query, send
from tests.tables import Proved

KEY = re.compile(r"(uploads|raw/episodes/[0-9a-f-]{36})/[0-9a-f-]{36}")


class TestHostileNames:
    """A name is data: it is kept as it was sent, and no part of any key, header or path."""

    @pytest.mark.requirement("P2-13", "P2-15")
    @pytest.mark.table("file names")
    def test_of_sixty_none_gets_anywhere(self, api: Api, proved: Proved) -> None:
        assert len(set(HOSTILE_NAMES)) == 60
        episode = api.create_episode()
        for name in HOSTILE_NAMES:
            announced = announce(api, episode=episode, file_name=name)
            assert KEY.fullmatch(announced["fields"]["key"]), name
            policy = str(announced["fields"]) + announced["uploadUrl"] + announced["fileReference"]
            assert len(name) < 3 or name not in policy, name
            api.store(announced, PHOTO)
            completed = api.client.post(path(announced, "/complete"), user=api.editor).json()["data"]
            assert completed["file_name"] == name
            assert KEY.fullmatch(completed["file_reference"].split("/", 3)[3]), name
            data = api.client.get(path(announced, "/url"), api.editor).json()["data"]
            self.assert_harmless(name, data)
            download = httpx.get(data["url"], trust_env=False)
            (disposition,) = parse_qs(urlsplit(data["url"]).query)["response-content-disposition"]
            assert (download.content, download.headers["content-disposition"]) == (PHOTO, disposition), name
            assert "x-evil" not in download.headers
        keys = [
            found["Key"]
            for bucket in ("temp", "storage")
            for found in api.account.client("s3").list_objects_v2(Bucket=api.buckets[bucket])["Contents"]
        ]
        assert len(keys) == 120
        assert all(KEY.fullmatch(key) for key in keys)
        # The key of the form, the key in storage, the address and the header of the download.
        proved(4 * len(HOSTILE_NAMES))

    @pytest.mark.requirement("P2-13", "P2-15")
    @pytest.mark.table("file names")
    def test_of_those_that_a_form_can_carry_none_gets_anywhere(self, api: Api, proved: Proved) -> None:
        episode = api.create_episode()
        for name in HOSTILE_NAMES:
            answer = send(api, name=name, entity_id=episode["episode_id"])
            assert answer.status_code == 201, (name, answer.text)
            made = answer.json()["data"]
            assert KEY.fullmatch(made["file_reference"].split("/", 3)[3]), name
            self.assert_harmless(name, api.client.get(path(made, "/url"), api.editor).json()["data"])
        proved(2 * len(HOSTILE_NAMES))

    def test_with_nul_are_refused_everywhere(self, api: Api) -> None:
        right = query(api)
        answer = api.client.post("/api/v1/upload/generate-url", right | {"file_name": "a\0b"}, api.editor)
        problems(answer, 400, "VALIDATION_ERROR")
        problems(api.client.get(UPLOAD, api.editor, params=right | {"file_name": "a\0b"}), 400, "VALIDATION_ERROR")

    @staticmethod
    def assert_harmless(name: str, data: dict[str, Any]) -> None:
        """What storage is told to call the download is one ASCII word, and a name that any system can save."""
        (disposition,) = parse_qs(urlsplit(data["url"]).query)["response-content-disposition"]
        match = re.fullmatch(r"attachment; filename\*=UTF-8''([A-Za-z0-9_.~%-]+)", disposition)
        assert match, (name, disposition)
        saved = unquote(match[1], errors="strict")
        assert saved == data["download_name"]
        assert saved.endswith((".jpg", ".jpeg")), (name, saved)
        assert len(saved.encode()) <= 255, name
        assert not set(saved) & set('/\\<>:"|?*'), (name, saved)
        assert not saved.startswith((".", " ")), (name, saved)
        assert not [letter for letter in saved if unicodedata.category(letter).startswith(("C", "Zl", "Zp"))], name
        stem = saved.split(".")[0].strip().upper()
        assert stem not in {"CON", "NUL", "AUX", "PRN", "COM1", "COM¹", "LPT9"}, (name, saved)
