"""No credential is in the repository: what git tracks is searched for the forms that they have. `make check` runs this, too."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Patterns begin with their literal prefix rather than with `\b`: that is ten times as fast, and this runs before each commit.
FORMS = {
    "AWS access key id": r"A(?:KIA|SIA)[A-Z2-7]{16}\b",
    "AWS secret access key": r"(?i:secret_?(?:access_?)?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "GitHub token": r"g(?:h[pousr]_[A-Za-z0-9]{36}|ithub_pat_[A-Za-z0-9_]{50,})\b",
    "Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Stripe key": r"k_live_[A-Za-z0-9]{16,}",
    "Google key": r"AIza[A-Za-z0-9_-]{35}\b",
    "package index token": r"(?:pypi-AgE[A-Za-z0-9_-]{50,}|npm_[A-Za-z0-9]{36}\b)",
    "Pulumi token": r"pul-[0-9a-f]{40}\b",
    "JSON web token": r"eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}",
    "password in an address": r"://[^\s:/@\"'{}<>$]+:[^\s:/@\"'{}<>$]{8,}@(?!example\.)[A-Za-z0-9]",
}
# In two pieces each, so that this file has none.
SAMPLES = {
    "AWS access key id": ("key = AKIA", "Q3EGRIW2FZOHVJNK"),
    "AWS secret access key": ("aws_secret_access_key = ", "b8Zr3kQ1/Xn5+TfYw9LmPc7VdHs2GjUaEoRi4KyN"),
    "private key": ("-----BEGIN RSA PRIV", "ATE KEY-----"),
    "GitHub token": ("token: ghp_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    "Slack token": ("xoxb-", "123456789012-abcdefghijkl"),
    "Stripe key": ("sk_live_", "a1B2c3D4e5F6g7H8"),
    "Google key": ("AIza", "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"),
    "package index token": ("npm_", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    "Pulumi token": ("pul-", "0123456789abcdef0123456789abcdef01234567"),
    "JSON web token": ("eyJhbGciOiJSUzI1NiJ9xx.", "eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"),
    "password in an address": ("postgres://admin:", "correct-horse@db.internal/app"),
}
# Each is in AWS's own documentation, for examples such as the tests'.
PUBLISHED = {"AKIAIOSFODNN7EXAMPLE"}


def found(text: str) -> list[tuple[str, str]]:
    """The forms that a text has, and what has them."""
    return [
        (form, match[0])
        for form, pattern in FORMS.items()
        for match in re.finditer(pattern, text)
        if match[0] not in PUBLISHED
    ]


@pytest.mark.requirement("P1-47")
def test_no_tracked_file_has_one() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    assert len(paths) > 500
    # Every byte is a character so: a key in a binary file is one, too.
    hits = [(path.relative_to(ROOT).as_posix(), form) for path in paths for form, _ in found(path.read_text("latin-1"))]
    assert hits == []


def test_each_form_is_seen() -> None:
    assert SAMPLES.keys() == FORMS.keys()
    for form, pieces in SAMPLES.items():
        assert [seen for seen, _ in found("".join(pieces))] == [form]


def test_published_examples_are_none() -> None:
    assert found(f"Credential={''.join(PUBLISHED)}/20130524/us-east-1/s3") == []
