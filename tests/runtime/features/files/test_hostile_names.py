"""Sixty hostile file names in every input and output."""

import re
import unicodedata
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.files.file_forms import PHOTO, UPLOAD, create_upload, path, query, send
from tests.runtime.features.files.hostile_names import HOSTILE_NAMES
from tests.tables import Proved

KEY = re.compile(r"(uploads|raw/episodes/[0-9a-f-]{36})/[0-9a-f-]{36}")


class TestHostileNames:
    """A file name is stored unchanged as data and is part of no key, header or path."""

    @pytest.mark.requirement("P2-13", "P2-15")
    @pytest.mark.table("file names")
    def test_declared_names_never_reach_a_key_or_header(self, api: Api, proved: Proved) -> None:
        assert len(set(HOSTILE_NAMES)) == 60
        episode = api.create_episode()
        for name in HOSTILE_NAMES:
            new_upload = create_upload(api, episode=episode, file_name=name)
            assert KEY.fullmatch(new_upload["fields"]["key"]), name
            policy = str(new_upload["fields"]) + new_upload["uploadUrl"] + new_upload["fileReference"]
            assert len(name) < 3 or name not in policy, name
            api.store(new_upload, PHOTO)
            completed = api.client.post(path(new_upload, "/complete"), user=api.editor).json()["data"]
            assert completed["file_name"] == name
            assert KEY.fullmatch(completed["file_reference"].split("/", 3)[3]), name
            data = api.client.get(path(new_upload, "/url"), api.editor).json()["data"]
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
        # The form's key, the storage key, the download URL and the download's header.
        proved(4 * len(HOSTILE_NAMES))

    @pytest.mark.requirement("P2-13", "P2-15")
    @pytest.mark.table("file names")
    def test_form_names_never_reach_a_key_or_header(self, api: Api, proved: Proved) -> None:
        episode = api.create_episode()
        for name in HOSTILE_NAMES:
            response = send(api, name=name, entity_id=episode["episode_id"])
            assert response.status_code == 201, (name, response.text)
            created = response.json()["data"]
            assert KEY.fullmatch(created["file_reference"].split("/", 3)[3]), name
            self.assert_harmless(name, api.client.get(path(created, "/url"), api.editor).json()["data"])
        proved(2 * len(HOSTILE_NAMES))

    def test_names_with_nul_are_rejected(self, api: Api) -> None:
        right = query(api)
        response = api.client.post("/api/v1/upload/generate-url", right | {"file_name": "a\0b"}, api.editor)
        problems(response, 400, "VALIDATION_ERROR")
        problems(api.client.get(UPLOAD, api.editor, params=right | {"file_name": "a\0b"}), 400, "VALIDATION_ERROR")

    @staticmethod
    def assert_harmless(name: str, data: dict[str, Any]) -> None:
        """Check that the download name is encoded as ASCII and can be saved on any system."""
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
