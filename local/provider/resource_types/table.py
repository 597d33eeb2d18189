"""The table's language: a resource type is the AWS operations that make it, named in AWS's own words.

Templates are strings such as "arn:aws:ec2:{Region}:{Account}:vpc/{VpcId}": a field is any member that an earlier request
carried or an earlier response answered, whatever its capitals, and `Region`, `Account` and (in outputs) `Id`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Inputs = dict[str, Any]


class FromResponse(str):
    """A JMESPath into all that the calls of this resource answered, e.g. `SecurityGroups[0].GroupId`."""

    __slots__ = ()


# A function of the program's inputs and the Facts, where no template says it.
FromFunction = Callable[[Inputs, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Which input is named automatically when the program gives none, and what AWS asks of such a name."""

    input_name: str = "name"
    prefix: str = ""
    lowercase: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """One more operation, after the first.

    Its required members are filled from what earlier calls sent and answered. It is made when it finds inputs to take,
    or with `always`, or when the flag input `when` is true. `for_each` makes one call per item of that list input and
    `one_by_one` one per input (EC2 changes one attribute at a time).
    """

    operation: str
    rename: Mapping[str, str] = field(default_factory=dict)
    for_each: str = ""
    one_by_one: bool = False
    when: str = ""
    always: bool = False
    # Members with a value of the table's own: templates, FromResponse, or plain values, also nested. A FromResponse that
    # finds nothing means that there is nothing to do: the call is left out.
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceType:
    """How one Pulumi type is made: `operation` is "service.operation" by boto3's names, or None where only a runner acts.

    Inputs find their members by name; `rename` says where they cannot: `A.B` goes down (through lists too), `A[k]` sets
    the key k of a map or of a list of key/value pairs. Nested inputs are written `outer.inner`, their targets are relative
    to the structure they are in. Every input must be taken by a call or stand in `ignore`; those in `unsupported`, and any
    other that nobody takes, are refused.
    """

    token: str
    operation: str | None
    rename: Mapping[str, str] = field(default_factory=dict)
    id: str | FromFunction = "{Name}"
    naming: Naming = field(default_factory=Naming)
    later: tuple[str, ...] = ()  # inputs that are not for the first call, though it would take them
    ignore: tuple[str, ...] = ()  # inputs that only steer Pulumi's own provider: how long to wait, what a deletion does
    unsupported: tuple[str, ...] = ()  # inputs of features that this account does not have
    defaults: Mapping[str, Any] = field(
        default_factory=dict
    )  # what Pulumi's own provider sends where the program is silent
    # Where AWS's call and the resource really differ: code, and the inputs that it turns into others. It also sees `region`.
    prepare: Callable[[Inputs], Inputs] | None = None
    prepared: tuple[str, ...] = ()
    then: tuple[Call, ...] = ()
    # A template, a FromResponse or a FromFunction; outputs that are not here are found by name.
    outputs: Mapping[str, Any] = field(default_factory=dict)
    tag_type: str = ""  # EC2's name of the type in TagSpecifications, where it is not the operation's noun
    recorded_only: str = ""  # why this type is not applied, e.g. that the emulator lacks its operation

    @property
    def service(self) -> str:
        """The boto3 service of the first operation, which the follow-up calls share."""
        return (self.operation or "").partition(".")[0]

    @property
    def first_call(self) -> Call:
        """The operation that makes the thing."""
        return Call(operation=(self.operation or "").partition(".")[2], rename=self.rename)

    @property
    def noun(self) -> str:
        """What the first operation makes, e.g. `vpc_endpoint` for `create_vpc_endpoint`."""
        return self.first_call.operation.partition("_")[2]
