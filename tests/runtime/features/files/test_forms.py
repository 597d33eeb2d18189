"""Malformed forms: truncated, hostile, and with declared encodings."""

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.files.file_forms import BOUNDARY, PHOTO, file, form, part, send_raw, text
from tests.runtime.features.files.stored_files import rows
from tests.tables import Proved


class TestForm:
    @pytest.fixture
    def named(self, api: Api) -> list[bytes]:
        episode_id = api.create_episode()["episode_id"].encode()
        return [text("entity_type", b"episode"), text("entity_id", episode_id)]

    def test_truncated_form_is_rejected(self, api: Api, named: list[bytes]) -> None:
        whole = form(*named, file())
        assert send_raw(api, whole).status_code == 201
        # The form is complete only with the closing boundary's last hyphen.
        for length in (*range(0, len(whole) - 2, 41), len(whole) - 3, len(whole) - 4, len(whole) - 5):
            response = send_raw(api, whole[:length])
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body"}, length
        assert rows(api, "upload_sessions") == 1

    @pytest.mark.table("bodies")
    def test_hostile_bodies_are_rejected(self, api: Api, named: list[bytes], proved: Proved) -> None:
        disposition = b"Content-Disposition: form-data; "
        bodies = {
            "empty": b"",
            "no part": form(),
            "other boundary": form(*named, file()).replace(BOUNDARY.encode(), b"other"),
            "no name": form(*named, part(b"Content-Disposition: form-data", b"x")),
            "no disposition": form(*named, part(b"Content-Type: image/jpeg", PHOTO)),
            "another disposition": form(*named, part(b'Content-Disposition: attachment; name="file"', b"x")),
            "NUL in a text": form(text("entity_type", b"epi\0sode"), *named[1:], file()),
            "NUL in a name": form(*named, file(name=b"a\0.jpg")),
            "latin-1 in a text": form(text("entity_type", b"\xe9"), *named[1:], file()),
            "latin-1 in a name": form(*named, file(name=b"\xe9.jpg")),
            "half a surrogate pair": form(*named, file(name=b"\xed\xa0\x80.jpg")),
            "latin-1 in a field's name": form(*named, part(disposition + b'name="\xff"', b"x")),
            "sent twice": form(*named, named[0], file()),
            "file sent twice": form(*named, file(), file()),
            "text and file": form(*named, file(), text("file", b"x")),
            "many fields": form(*(text(f"x{number}", b"x") for number in range(17))),
            "large text": form(*named, text("x", b"x" * 8193), file()),
            "large header": form(*named, part(disposition + b'name="x"\r\nX: ' + b"x" * 9000, b"x")),
            "many headers": form(*named, part(disposition + b'name="x"' + b"\r\nX: y" * 2000, b"x")),
            "header without colon": form(*named, part(disposition + b'name="x"\r\nbroken', b"x")),
        }
        for name, body in bodies.items():
            response = send_raw(api, body)
            fields = problems(response, 400, "VALIDATION_ERROR").keys()
            assert fields == ({"body.file"} if name == "no part" else {"body"}), name
        assert rows(api, "upload_sessions") == 0
        proved(len(bodies))

    def test_other_content_types_are_rejected(self, api: Api, named: list[bytes]) -> None:
        body = form(*named, file())
        for content_type in (
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/mixed; boundary=" + BOUNDARY,
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=" + "x" * 300,
            "text/plain",
            b"\xe9",
        ):
            response = send_raw(api, body, content_type=content_type)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body"}, content_type

    def test_declared_charset_is_ignored(self, api: Api, named: list[bytes]) -> None:
        body = form(*named, file(name=b"+2AA-.jpg"))
        for charset in ("utf-7", "unicode_escape", "punycode", "rot13", "no-such"):
            response = send_raw(api, body, content_type=f"multipart/form-data; boundary={BOUNDARY}; charset={charset}")
            assert response.json()["data"]["file_name"] == "+2AA-.jpg", charset

    def test_extended_file_name_is_ignored(self, api: Api, named: list[bytes]) -> None:
        body = form(*named, file(name=b"plain.jpg\"; filename*=\"UTF-8''evil.jpg"))
        assert send_raw(api, body).json()["data"]["file_name"] == "plain.jpg"
