"""Files of the tests, and multipart forms that contain them."""

from typing import Any

import httpx

from tests.runtime.features.api_platform import Api
from tests.runtime.features.user_pool import User

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50
IMAGES = {
    "image/jpeg": PHOTO,
    "image/png": b"\x89PNG\r\n\x1a\n" + b"pixels",
    "image/webp": b"RIFF\x10\x00\n\x00WEBPVP8 ",
    "image/gif": b"GIF89a" + b"frames",
}
FILES = "/api/v1/files"
UPLOAD = "/api/v1/files/upload"
BOUNDARY = "a-boundary"


def send(
    api: Api,
    content: bytes = PHOTO,
    *,
    user: User | None = None,
    name: str = "photo.jpg",
    file_type: str = "image/jpeg",
    path: str = UPLOAD,
    **fields: str,
) -> httpx.Response:
    """Upload a file by form, for a new episode unless one is given."""
    texts = {"entity_type": "episode"} | fields
    if "entity_id" not in texts:
        texts["entity_id"] = api.create_episode()["episode_id"]
    return api.client.post(path, user=user or api.editor, data=texts, files={"file": (name, content, file_type)})


def create_file(api: Api, content: bytes = PHOTO, **options: Any) -> dict[str, Any]:
    """Upload a file by form and return it."""
    response = send(api, content, **options)
    assert response.status_code == 201, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def part(headers: bytes, content: bytes) -> bytes:
    """Build one part of a form with the given header lines."""
    return b"--" + BOUNDARY.encode() + b"\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """Build a form from its parts."""
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


def text(name: str, value: bytes) -> bytes:
    return part(b'Content-Disposition: form-data; name="%s"' % name.encode(), value)


def file(content: bytes = PHOTO, *, name: bytes = b"photo.jpg", field: bytes = b"file") -> bytes:
    disposition = b'Content-Disposition: form-data; name="%s"; filename="%s"' % (field, name)
    return part(disposition + b"\r\nContent-Type: image/jpeg", content)


def send_raw(
    api: Api, body: bytes, *, content_type: str | bytes | None = None, user: User | None = None
) -> httpx.Response:
    """Post a raw body."""
    headers = {"Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    return api.client.post(UPLOAD, user=user or api.editor, content=body, headers=headers)


def path(file: dict[str, Any], suffix: str = "") -> str:
    return f"{FILES}/{file['file_id']}{suffix}"


def query(api: Api, content: bytes = PHOTO, **fields: Any) -> dict[str, Any]:
    return api.upload_body(content, **fields)


def create_upload(api: Api, user: User | None = None, **fields: Any) -> dict[str, Any]:
    """Create an upload and return its form with the file's id."""
    response = api.client.get(UPLOAD, user or api.editor, params=query(api, **fields))
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data | {"file_id": data["upload_id"]}
