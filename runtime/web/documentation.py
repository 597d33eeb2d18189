"""The documentation pages, Swagger UI and ReDoc, served entirely by this process.

FastAPI's own pages load their scripts from a CDN: they are blank without internet access, and otherwise run third-party code in an
authenticated page.
"""

import base64
import hashlib
import re
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

from runtime.errors import NotFoundError

ASSETS_PATH = "/docs-assets"
_ASSETS_DIRECTORY = Path(fastapi_offline.__file__).parent / "static"
# An allowlist: the path of a request never becomes a file path.
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def content_security_policy(page: str) -> str:
    """Return a policy that lets the page work and connect only to its own origin.

    Inline scripts are allowed by hash. Both programs insert style elements, and ReDoc searches in a worker that it creates.
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(page)
    ]
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def install(app: FastAPI) -> None:
    """Add /docs, /redoc and their assets to an application whose built-in documentation pages are disabled."""
    openapi_url, favicon = app.openapi_url or "", f"{ASSETS_PATH}/favicon.png"
    swagger = get_swagger_ui_html(
        openapi_url=openapi_url,
        title=app.title,
        swagger_js_url=f"{ASSETS_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS_PATH}/swagger-ui.css",
        swagger_favicon_url=favicon,
        # Without this, Swagger UI sends the URL of the OpenAPI document to a public validator.
        swagger_ui_parameters={"validatorUrl": None, "persistAuthorization": True, "displayRequestDuration": True},
    )
    redoc = get_redoc_html(
        openapi_url=openapi_url,
        title=app.title,
        redoc_js_url=f"{ASSETS_PATH}/redoc.standalone.js",
        redoc_favicon_url=favicon,
        with_google_fonts=False,
    )

    def add_page(path: str, page: HTMLResponse) -> None:
        text = bytes(page.body).decode()
        headers = {"Content-Security-Policy": content_security_policy(text)}

        @app.get(path, include_in_schema=False, name=f"documentation{path}")
        def show_page() -> HTMLResponse:
            return HTMLResponse(text, headers=headers)

    add_page("/docs", swagger)
    add_page("/redoc", redoc)

    @app.get(f"{ASSETS_PATH}/{{name}}", include_in_schema=False)
    def get_asset(name: str) -> FileResponse:
        if name not in _ASSETS:
            raise NotFoundError("Resource not found")
        headers = {"Cache-Control": "public, max-age=86400"}
        return FileResponse(_ASSETS_DIRECTORY / name, media_type=_ASSETS[name], headers=headers)
