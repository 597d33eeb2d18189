"""Schedules, read back from the emulator."""

from collections.abc import Callable

import pytest

from local.account import LocalAccount
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

SCHEDULE, GROUP = "aws:scheduler/schedule:Schedule", "aws:scheduler/scheduleGroup:ScheduleGroup"
TARGET = {
    "arn": "arn:aws:lambda:us-east-1:123456789012:function:maintenance",
    "roleArn": "arn:aws:iam::123456789012:role/schedule",
    "input": '{"job": "relay"}',
    "retryPolicy": {"maximumRetryAttempts": 2.0, "maximumEventAgeInSeconds": 600.0},
}
INPUTS = {"scheduleExpression": "rate(5 minutes)", "flexibleTimeWindow": {"mode": "OFF"}, "target": TARGET}
Create = Callable[..., Created]


class TestSchedule:
    def test_resource_is_stored_as_registered(self, create: Create, account: LocalAccount) -> None:
        group = create(GROUP, "group", name="kept-group")
        created = create(SCHEDULE, "relay", name="kept", groupName=group.outputs["name"], description="Why", **INPUTS)
        read = account.client("scheduler").get_schedule(GroupName="kept-group", Name="kept")
        assert read["Target"] == {
            "Arn": TARGET["arn"],
            "RoleArn": TARGET["roleArn"],
            "Input": TARGET["input"],
            "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 600},
        }
        assert (read["ScheduleExpression"], read["ScheduleExpressionTimezone"]) == ("rate(5 minutes)", "UTC")
        assert (read["FlexibleTimeWindow"], read["State"], read["Description"]) == ({"Mode": "OFF"}, "ENABLED", "Why")
        assert created.id == "kept-group/kept"
        assert created.outputs["arn"] == read["Arn"]

    def test_defaults_match_pulumi_provider(self, create: Create) -> None:
        created = create(SCHEDULE, "plain", **INPUTS)
        name = created.outputs["name"]
        assert name.startswith("plain-")
        assert created.id == f"default/{name}"
        assert created.outputs["arn"] == f"arn:aws:scheduler:us-east-1:123456789012:schedule/default/{name}"
        defaults = {key: created.outputs[key] for key in ("groupName", "state", "scheduleExpressionTimezone")}
        assert defaults == {"groupName": "default", "state": "ENABLED", "scheduleExpressionTimezone": "UTC"}

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"state": "PAUSED"}, r"state: .* State 'PAUSED' must be one of "),
            ({"name": "no spaces"}, r"Name 'no spaces' does not match"),
            ({"target": {**TARGET, "retryPolicy": {"maximumRetryAttempts": 186}}}, r"186 is above the maximum 185"),
            ({"target": {"arn": TARGET["arn"]}}, r"RoleArn is required"),
            ({"target": {**TARGET, "colour": "blue"}}, r"target\.colour: AWS's Target has no such member"),
            ({"flexibleTimeWindow": None}, r"FlexibleTimeWindow is required"),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, object], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(SCHEDULE, "bad", **{**INPUTS, **changes})


class TestGroup:
    def test_schedule_group_has_tags(self, provider: LocalProvider, account: LocalAccount) -> None:
        group = provider.create(
            urn="g", type=GROUP, name="tagged", inputs={"name": "tagged"}, default_tags={"Project": "films"}
        )
        arn = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/tagged"
        assert (group.id, group.outputs["arn"], group.outputs["state"]) == ("tagged", arn, "ACTIVE")
        tags = account.client("scheduler").list_tags_for_resource(ResourceArn=arn)["Tags"]
        assert tags == [{"Key": "Project", "Value": "films"}]
        assert group.outputs["tagsAll"] == {"Project": "films"}
