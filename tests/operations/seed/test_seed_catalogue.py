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
    def test_each_environment_has_its_size(
        self, environment: str, shows: int, episodes: int, clips: int, outfits: int
    ) -> None:
        made = catalogue.of(environment)
        sizes = (len(made.shows), len(made.episodes), len(made.clips), len(made.assets["outfit"]))
        assert sizes == (shows, episodes, clips, outfits)

    @pytest.mark.parametrize("environment", ["dev", "staging"])
    def test_what_things_are_found_by_is_theirs_alone(self, environment: str) -> None:
        made = catalogue.of(environment)
        for bodies in (made.shows, *made.assets.values()):
            names = [body["name"] for body in bodies]
            assert len(set(names)) == len(names)
        hashes = [clip.file_hash for clip in made.clips]
        assert len(set(hashes)) == len(hashes)
        numbers = [(one.body["show_name"], one.body["episode_number"]) for one in made.episodes]
        assert len(set(numbers)) == len(numbers)

    def test_the_larger_set_holds_the_smaller_one(self) -> None:
        small, large = catalogue.of("dev"), catalogue.of("staging")
        assert {clip.file_hash for clip in small.clips} < {clip.file_hash for clip in large.clips}
        for kind, bodies in small.assets.items():
            assert large.assets[kind][: len(bodies)] == bodies

    def test_what_episodes_use_is_there(self) -> None:
        made = catalogue.of("dev")
        names = {kind: {body["name"] for body in bodies} for kind, bodies in made.assets.items()}
        for episode in made.episodes:
            assert len(episode.uses["outfit"]) == 3
            assert all(wanted.keys() <= names[kind] for kind, wanted in episode.uses.items())
            assert {clip.guest for clip in episode.clips} - {None} <= names["guest"]

    def test_an_environment_without_a_set_of_its_own_gets_that_of_dev(self) -> None:
        assert catalogue.of("another") == catalogue.of("dev")


class TestPictures:
    def test_a_name_has_one_picture_and_another_name_another(self) -> None:
        assert pictures.draw("One", PALETTE) == pictures.draw("One", PALETTE)
        assert pictures.draw("One", PALETTE) != pictures.draw("Two", PALETTE)

    def test_it_is_a_jpeg_of_the_size_of_photographs(self) -> None:
        with Image.open(io.BytesIO(pictures.draw("One", PALETTE))) as image:
            assert (image.format, image.size) == ("JPEG", (1600, 900))


class TestLedger:
    def test_it_counts_by_kind_and_tells_how_many(self) -> None:
        told: list[str] = []
        ledger = OutcomeCounts(told.append)
        ledger.count("show", Outcome.MADE)
        ledger.count("clip", Outcome.FOUND, 3)
        assert told == ["1 · show", "4 · clip"]
        assert ledger.as_data()["clip"] == {"made": 0, "found": 3, "changed": 0}


class TestRefusals:
    def test_production_is_refused_before_anything_is_asked(self, command: Command) -> None:
        answer = command("seed", "--environment", "production")
        assert answer.code == ExitCode.USAGE
        assert "'production' keeps production's promises" in answer.err
        assert "next: platform seed --environment dev" in answer.err

    def test_a_platform_that_is_not_up(self, command: Command) -> None:
        assert command("seed", "--json").code == ExitCode.STOPPED

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--environment", "staging"), "migrate.seeding is false"),
            (("--environment", "production"), "keeps production's promises"),
            (("--base-url", "http://127.0.0.1:9"), "not for --base-url"),
        ],
    )
    def test_episodes_to_measure_with_are_not_for_all(
        self, command: Command, arguments: tuple[str, ...], said: str
    ) -> None:
        answer = command("seed", "--scale", "10", "--json", *arguments)
        assert answer.code == ExitCode.USAGE
        assert said in answer.data["error"]["message"]

    def test_what_answers_is_no_platform(self, command: Command, api: Api) -> None:
        tokens = {f"PLATFORM_TOKEN_{role}": "x" for role in ("ADMIN", "EDITOR", "VIEWER")}
        answer = command("seed", "--base-url", api.address, "--json", **tokens)
        assert answer.code == ExitCode.FAILED
        assert "no platform answers at" in answer.data["error"]["message"]

    def test_a_photo_is_for_the_other_journey(self, command: Command) -> None:
        answer = command("journey", "catalogue", "--photo", str(Path("any.jpg")), "--json")
        assert answer.code == ExitCode.USAGE
        assert "--photo" in answer.data["error"]["message"]
