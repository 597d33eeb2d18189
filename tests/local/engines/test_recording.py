"""Programs that are recorded without AWS."""

import gc
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from local.engines.evaluation import GC_THRESHOLDS
from local.engines.recording import RegisteredResource, record
from local.engines.wire import UNKNOWN
from local.errors import ProgramError


def program() -> None:
    far = aws.Provider("far", region="eu-west-1")
    zones = aws.get_availability_zones(opts=pulumi.InvokeOptions(provider=far)).names
    vpc = aws.ec2.Vpc("net", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(provider=far, protect=True))
    for zone in zones[:2]:
        aws.ec2.Subnet(zone, vpc_id=vpc.id, availability_zone=zone, opts=pulumi.ResourceOptions(depends_on=[far]))
    database = aws.rds.Instance(
        "data",
        instance_class="db.t4g.micro",
        password=pulumi.Output.secret("swordfish"),
        manage_master_user_password=True,
    )
    secret = database.master_user_secrets.apply(lambda secrets: str(secrets[0].secret_arn))
    aws.ssm.Parameter("address", type="String", value=pulumi.Output.concat(secret, "@", database.address))


def recorded(**options: Any) -> dict[str, RegisteredResource]:
    found = record(program, **{"project": "films", "stack": "dev", "config": {}, **options})
    return {resource.name: resource for resource in found}


def test_resources_are_recorded_with_dependencies() -> None:
    resources = recorded()
    assert list(resources) != []
    net, subnet = resources["net"], resources["eu-west-1a"]
    assert (net.type, net.protect, net.custom) == ("aws:ec2/vpc:Vpc", True, True)
    assert net.provider == resources["far"].urn
    assert subnet.inputs["availabilityZone"] == "eu-west-1a"
    assert set(subnet.dependencies) == {net.urn, resources["far"].urn}
    assert subnet.property_dependencies == {"vpcId": (net.urn,)}
    assert subnet.provider == ""
    assert net.parent.endswith("pulumi:pulumi:Stack::films-dev")


def test_placeholder_outputs_let_the_program_continue() -> None:
    resources = recorded()
    secret, address = resources["address"].inputs["value"].split("@")
    assert secret.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:")
    assert address == "data-address"
    assert resources["eu-west-1a"].inputs["vpcId"].startswith("vpc-")


def test_ids_and_arns_contain_names_as_in_aws() -> None:
    def names() -> None:
        bucket = aws.s3.Bucket("photos", bucket="films-photos")
        queue = aws.sqs.Queue("work", name="films-work")
        aws.ssm.Parameter("both", type="String", value=pulumi.Output.concat(bucket.id, " ", bucket.arn, " ", queue.arn))

    *_, both = record(names, project="films", stack="dev", config={})
    assert both.inputs["value"].split() == [
        "films-photos",
        "arn:aws:s3:::films-photos",
        "arn:aws:sqs:us-east-1:123456789012:films-work",
    ]


def test_recording_is_deterministic() -> None:
    assert recorded() == recorded()


def test_inputs_are_plain_and_hidden_from_repr() -> None:
    database = recorded()["data"]
    assert database.inputs["password"] == "swordfish"
    assert "swordfish" not in repr(database)


def test_outputs_are_unknown_in_preview() -> None:
    def looks() -> None:
        bucket = aws.s3.Bucket("b", bucket="films")
        bucket.bucket.apply(looked.append)
        aws.s3.BucketVersioning("b", bucket=bucket.id, versioning_configuration={"status": "Enabled"})

    looked: list[str] = []
    bucket, versioning = record(looks, project="films", stack="dev", config={}, preview=True)
    assert looked == []
    assert bucket.inputs == {"bucket": "films"}
    assert versioning.inputs == {"bucket": UNKNOWN, "versioningConfiguration": {"status": "Enabled"}}
    assert versioning.dependencies == (bucket.urn,)


def test_failing_program_raises() -> None:
    def fails() -> None:
        pulumi.Config().require("missing")

    with pytest.raises(ProgramError, match="films:missing"):
        record(fails, project="films", stack="dev", config={})


@pytest.mark.parametrize("preview", [False, True])
def test_components_are_recorded(preview: bool) -> None:
    def nested() -> None:
        group = pulumi.ComponentResource("tests:index:Group", "group")
        aws.sqs.Queue("inner", opts=pulumi.ResourceOptions(parent=group))

    group, inner = record(nested, project="films", stack="dev", config={}, preview=preview)
    assert (group.custom, inner.parent, inner.path) == (False, group.urn, "group/inner")


def test_gc_thresholds_are_raised_during_a_run_and_restored() -> None:
    before, seen = gc.get_threshold(), []

    def failing() -> None:
        seen.append(gc.get_threshold())
        raise RuntimeError("it fails")

    gc.set_threshold(701, 11, 12)
    try:
        with pytest.raises(ProgramError, match="it fails"):
            record(failing, project="test", stack="test", config={})
        assert gc.get_threshold() == (701, 11, 12)
    finally:
        gc.set_threshold(*before)
    assert seen == [GC_THRESHOLDS]
