import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.naming import Naming

WORD = st.from_regex(re.compile(r"[a-z][a-z0-9]{0,7}"), fullmatch=True)


class TestPhysical:
    @pytest.mark.requirement("ROAD-17", "ROAD-04", "ROAD-31")
    def test_name_is_project_thing_environment(self) -> None:
        assert Naming("episode-metadata", "staging").physical("storage") == "episode-metadata-storage-staging"

    def test_name_longer_than_aws_allows_is_refused(self) -> None:
        with pytest.raises(ValueError, match="64 characters, AWS allows 63"):
            Naming("p", "dev").physical("x" * 58)

    @pytest.mark.requirement("ROAD-43", "ROAD-44")
    def test_secret_is_a_path(self) -> None:
        assert Naming("episode-metadata", "dev").secret("database") == "episode-metadata/database-dev"


class TestReplaceable:
    def test_suffix_follows_from_what_forces_replacement(self) -> None:
        naming = Naming("episode-metadata", "dev")
        first, again, changed = (naming.replaceable("db-sg", text) for text in ("one", "one", "two"))
        assert first == again != changed
        assert re.fullmatch(r"episode-metadata-db-sg-dev-[0-9a-f]{6}", first)

    def test_values_do_not_run_together(self) -> None:
        naming = Naming("episode-metadata", "dev")
        assert naming.replaceable("db", "ab", "c") != naming.replaceable("db", "a", "bc")


class TestTags:
    @pytest.mark.requirement("ROAD-24")
    @pytest.mark.parametrize(
        ("environment", "tag"), [("dev", "development"), ("staging", "staging"), ("production", "production")]
    )
    def test_environment_is_spelt_out(self, environment: str, tag: Any) -> None:
        tags = Naming("episode-metadata", environment).default_tags
        assert tags == {"Environment": tag, "Project": "episode-metadata"}


class TestParts:
    @pytest.mark.parametrize("part", ["", "Dev", "a_b", "-dev", "dev-", "1dev", "a--b", "dev/x"])
    def test_part_that_names_cannot_hold_is_refused_by_field(self, part: Any) -> None:
        with pytest.raises(ValueError, match=r"Naming\.environment"):
            Naming("episode-metadata", part)
        with pytest.raises(ValueError, match=r"Naming\.project"):
            Naming(part, "dev")

    @given(project=WORD, environment=WORD, resource_name=WORD)
    def test_every_name_fits_a_bucket(self, project: Any, environment: str, resource_name: Any) -> None:
        name = Naming(project, environment).physical(resource_name)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)
