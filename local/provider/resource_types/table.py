"""The vocabulary of the table of types: a resource type is described by the AWS operations that create it.

Templates are strings such as "arn:aws:ec2:{Region}:{Account}:vpc/{VpcId}". A field is a member of an earlier request or
response, whatever its case, or one of `Region`, `Account`, `Name` and (in outputs) `Id`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Inputs = dict[str, Any]


class FromResponse(str):
    """A JMESPath expression on the responses of this resource's calls, e.g. `SecurityGroups[0].GroupId`."""

    __slots__ = ()


# A function of the program's inputs and the KnownValues, for what a template cannot express.
FromFunction = Callable[[Inputs, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Naming:
    """The input that gets an automatic name if the program gives none, and AWS's rules for such a name."""

    input_name: str = "name"
    prefix: str = ""
    lowercase: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """An operation that follows the first one.

    Its required members are filled from earlier requests and responses. It is called if it accepts any of the remaining
    inputs, or with `always`, or if the boolean input `when` is true. `for_each` makes one call per item of that list input,
    `one_call_per_input` one per input (EC2 changes one attribute per call).
    """

    operation: str
    rename: Mapping[str, str] = field(default_factory=dict)
    for_each: str = ""
    one_call_per_input: bool = False
    when: str = ""
    always: bool = False
    # Request members that the table sets: templates, FromResponse, or plain values, also nested. If a FromResponse matches
    # nothing, the call is skipped.
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ResourceType:
    """How one Pulumi type is created: `operation` is "service.operation" in boto3's names, or None if only a runner acts.

    Inputs are mapped to request members by name. `rename` gives the target where that fails: `A.B` is a path (through lists
    too), `A[k]` is the key k of a map or of a list of key/value pairs. Nested inputs are written `outer.inner`, their targets
    are relative to the enclosing structure. Every input must be mapped to a call or be listed in `ignore`; those listed in
    `unsupported`, and any that no call accepts, raise an error.
    """

    token: str
    operation: str | None
    rename: Mapping[str, str] = field(default_factory=dict)
    id: str | FromFunction = "{Name}"
    naming: Naming = field(default_factory=Naming)
    deferred: tuple[str, ...] = ()  # inputs that are left to a later call although the first one would accept them
    ignore: tuple[str, ...] = ()  # inputs that only Pulumi's provider reads: timeouts, behaviour on deletion
    unsupported: tuple[str, ...] = ()  # inputs of features that the local account does not have
    defaults: Mapping[str, Any] = field(default_factory=dict)  # values that Pulumi's provider sends by default
    # A function for structural differences between resource and call; it also gets `region`. `prepared` lists the inputs that
    # it replaces.
    prepare: Callable[[Inputs], Inputs] | None = None
    prepared: tuple[str, ...] = ()
    then: tuple[Call, ...] = ()
    # Values are templates, FromResponse or FromFunction; outputs without an entry are looked up by name.
    outputs: Mapping[str, Any] = field(default_factory=dict)
    tag_type: str = ""  # EC2's resource type in TagSpecifications, if it is not the operation's noun
    recorded_only: str = ""  # the reason why this type is not applied, e.g. that the emulator lacks its operation

    @property
    def service(self) -> str:
        """The boto3 service name of all the type's operations."""
        return (self.operation or "").partition(".")[0]

    @property
    def first_call(self) -> Call:
        """The operation that creates the resource."""
        return Call(operation=(self.operation or "").partition(".")[2], rename=self.rename)

    @property
    def noun(self) -> str:
        """The noun of the first operation's name, e.g. `vpc_endpoint` for `create_vpc_endpoint`."""
        return self.first_call.operation.partition("_")[2]
