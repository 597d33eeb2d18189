"""The catalogue and its pictures, without a platform."""

import io
from pathlib import Path

import pytest
from PIL import Image

from operations.seed import catalogue, pictures
from operations.seed.outcome_counts import Outcome, OutcomeCounts
from operations.terminal.exit_codes import ExitCode
from tests.operations.conftest import Api, Command

PALETTE = ("#0b3c5d", "#328cc1", "#d9b310", "#f4ede4")


class TestCatalogue:
    @pytest.mark.requirement("ROAD-13", "ROAD-14")
    @pytest.mark.parametrize(
        ("environment", "shows", "episodes", "clips", "outfits"), [("dev", 2, 14, 72, 24), ("staging", 4, 40, 200, 60)]
    )
    def test_size_of_each_environment(
        self, environment: str, shows: int, episodes: int, clips: int, outfits: int
    ) -> None:
        seeded = catalogue.load(environment)
        sizes = (len(seeded.shows), len(seeded.episodes), len(seeded.clips), len(seeded.assets["outfit"]))
        assert sizes == (shows, episodes, clips, outfits)

    @pytest.mark.parametrize("environment", ["dev", "staging"])
    def test_names_hashes_and_numbers_are_unique(self, environment: str) -> None:
        seeded = catalogue.load(environment)
        for bodies in (seeded.shows, *seeded.assets.values()):
            names = [body["name"] for body in bodies]
            assert len(set(names)) == len(names)
        hashes = [clip.file_hash for clip in seeded.clips]
        assert len(set(hashes)) == len(hashes)
        numbers = [(episode.body["show_name"], episode.body["episode_number"]) for episode in seeded.episodes]
        assert len(set(numbers)) == len(numbers)

    def test_larger_set_contains_the_smaller_one(self) -> None:
        small, large = catalogue.load("dev"), catalogue.load("staging")
        assert {clip.file_hash for clip in small.clips} < {clip.file_hash for clip in large.clips}
        for kind, bodies in small.assets.items():
            assert large.assets[kind][: len(bodies)] == bodies

    def test_records_that_episodes_use_exist(self) -> None:
        seeded = catalogue.load("dev")
        names = {kind: {body["name"] for body in bodies} for kind, bodies in seeded.assets.items()}
        for episode in seeded.episodes:
            assert len(episode.uses["outfit"]) == 3
            assert all(contexts.keys() <= names[kind] for kind, contexts in episode.uses.items())
            assert {clip.guest for clip in episode.clips} - {None} <= names["guest"]

    def test_environment_without_a_set_gets_that_of_dev(self) -> None:
        assert catalogue.load("another") == catalogue.load("dev")


class TestPictures:
    def test_picture_depends_on_the_name(self) -> None:
        assert pictures.draw("One", PALETTE) == pictures.draw("One", PALETTE)
        assert pictures.draw("One", PALETTE) != pictures.draw("Two", PALETTE)

    def test_picture_is_a_jpeg_of_1600_by_900(self) -> None:
        with Image.open(io.BytesIO(pictures.draw("One", PALETTE))) as image:
            assert (image.format, image.size) == ("JPEG", (1600, 900))


class TestOutcomeCounts:
    def test_counts_are_kept_and_reported_by_kind(self) -> None:
        messages: list[str] = []
        counts = OutcomeCounts(messages.append)
        counts.count("show", Outcome.MADE)
        counts.count("clip", Outcome.FOUND, 3)
        assert messages == ["1 · show", "4 · clip"]
        assert counts.as_data()["clip"] == {"made": 0, "found": 3, "changed": 0}


class TestErrors:
    def test_production_environment_is_rejected(self, command: Command) -> None:
        result = command("seed", "--environment", "production")
        assert result.code == ExitCode.USAGE
        assert "'production' is a production environment" in result.err
        assert "next: platform seed --environment dev" in result.err

    def test_stopped_platform_is_an_error(self, command: Command) -> None:
        assert command("seed", "--json").code == ExitCode.STOPPED

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--environment", "staging"), "migrate.seeding is false"),
            (("--environment", "production"), "is a production environment"),
            (("--base-url", "http://127.0.0.1:9"), "not with --base-url"),
        ],
    )
    def test_scale_is_limited_to_local_platforms_that_allow_it(
        self, command: Command, arguments: tuple[str, ...], message: str
    ) -> None:
        result = command("seed", "--scale", "10", "--json", *arguments)
        assert result.code == ExitCode.USAGE
        assert message in result.data["error"]["message"]

    def test_other_server_is_an_error(self, command: Command, api: Api) -> None:
        tokens = {f"PLATFORM_TOKEN_{role}": "x" for role in ("ADMIN", "EDITOR", "VIEWER")}
        result = command("seed", "--base-url", api.address, "--json", **tokens)
        assert result.code == ExitCode.FAILED
        assert "no platform responds at" in result.data["error"]["message"]

    def test_photo_option_is_rejected_by_the_catalogue_journey(self, command: Command) -> None:
        result = command("journey", "catalogue", "--photo", str(Path("any.jpg")), "--json")
        assert result.code == ExitCode.USAGE
        assert "--photo" in result.data["error"]["message"]
