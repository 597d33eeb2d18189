"""The image profiles compared with the text of the requirements."""

import re
from pathlib import Path

import pytest

from lambda_src.thumbnails.profiles import PROFILES, Variant

REQUIREMENTS = (Path(__file__).parents[3] / "docs" / "requirements.md").read_text()


def find(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text, re.MULTILINE)
    assert found is not None, pattern
    return found


def requirement(identifier: str) -> str:
    return find(rf"^- {identifier} .*$", REQUIREMENTS).group()


def variants(profile: str) -> dict[str, Variant]:
    return {variant.name: variant for variant in PROFILES[profile]}


@pytest.mark.requirement("ROAD-91", "ROAD-117", "C-01")
def test_episode_profile_matches_requirements() -> None:
    sizes = re.findall(r"(primary|medium|small) (\d+)×(\d+)", requirement("ROAD-91"))
    assert [(v.name, str(v.width), str(v.height)) for v in PROFILES["episode"]] == sizes
    assert f"quality {variants('episode')['primary'].quality}" in requirement("ROAD-117")
    assert {(v.fit, v.quality, v.max_bytes, v.formats) for v in PROFILES["episode"]} == {("cover", 85, None, ("jpeg",))}


@pytest.mark.requirement("NOVA-06", "NOVA-07", "NOVA-08", "NOVA-09", "C-01", "C-37")
@pytest.mark.parametrize(
    ("identifier", "name"), [("NOVA-06", "thumbnail"), ("NOVA-07", "medium"), ("NOVA-08", "original")]
)
def test_post_profile_matches_requirements(identifier: str, name: str) -> None:
    variant = variants("post")[name]
    width, height, quality, number, unit = find(
        r"(\d+)×(\d+) px, quality (\d+), max (\d+) (KB|MB)", requirement(identifier)
    ).groups()
    assert (variant.width, variant.height, variant.quality) == (int(width), int(height), int(quality))
    assert variant.max_bytes == int(number) * {"KB": 10**3, "MB": 10**6}[unit]
    assert variant.fit == "inside"


@pytest.mark.requirement("LX-02", "LX-34", "LX-35", "LX-36", "C-01")
def test_item_profile_matches_requirements() -> None:
    original, large, medium, thumbnail = find(
        r"original ≤ (\d+) px, large (\d+) .*, medium (\d+) .*, thumbnail (\d+)", requirement("LX-34")
    ).groups()
    assert {v.name: (str(v.width), str(v.height)) for v in PROFILES["item"]} == {
        "original": (original, original),
        "large": (large, large),
        "medium": (medium, medium),
        "thumbnail": (thumbnail, thumbnail),
    }
    assert {(v.fit, v.quality, v.formats) for v in PROFILES["item"]} == {("inside", 85, ("jpeg", "webp"))}


@pytest.mark.requirement("LX-03", "LX-04")
def test_profile_and_document_variants_match_requirements() -> None:
    assert list(variants("profile")) == ["original", "thumbnail"]
    assert list(variants("document")) == ["original"]


def test_variant_names_are_unique() -> None:
    for profile in PROFILES.values():
        names = [variant.name_in(image_format) for variant in profile for image_format in variant.formats]
        assert len(names) == len(set(names))
        assert all(re.fullmatch(r"[a-z_]{1,50}", name) for name in names)
