"""Fits a resource's camelCase inputs to an operation's input shape: the shape decides every name and every type."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.provider.requests.archives import zip_archive
from local.provider.requests.members import enumerated, find_member, find_nested
from local.provider.resource_types.facts import squash
from local.provider.resource_types.problem import ProblemError

_TARGET = re.compile(r"(?P<member>\w+)(?:\[(?P<key>[^\]]+)\])?(?:\.(?P<rest>.+))?")


@dataclass
class Fitted:
    """A request's parameters, and which member each of the inputs that it took went to."""

    parameters: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitter:
    """Fits inputs to one shape. `noun` is what the operation makes; `tag_type` is EC2's name of it for tags."""

    rename: Mapping[str, str]
    noun: str = ""
    tag_type: str = ""

    def fit(self, inputs: Mapping[str, Any], shape: StructureShape) -> Fitted:
        """Takes every input that has a place in the shape; leaves the others alone. Raises ProblemError for a value that
        has a place but does not fit there."""
        fitted = Fitted()
        for name, value in inputs.items():
            if value is None:
                continue
            target = self.target(name, shape)
            if target == "TagSpecifications" and name == "tags":
                fitted.taken[name] = target
                if value:
                    fitted.parameters[target] = [self._tag_specification(value, shape)]
            elif target:
                fitted.taken[name] = target
                self._assign(fitted.parameters, target, value, shape, name)
        return fitted

    def target(self, name: str, shape: StructureShape, path: str = "") -> str | None:
        """Where an input goes: as the table says, or the member of its name, or the one nested member of its name."""
        where = f"{path}.{name}" if path else name
        if where in self.rename:
            target = self.rename[where]
            # A rename may be meant for a later call, whose shape has that member.
            return target if _split(target)[0] in shape.members else None
        found = find_member(name, shape, "" if path else self.noun) or find_nested(name, shape)
        if found is None and where == "tags" and "TagSpecifications" in shape.members:
            return "TagSpecifications"
        return found

    def _tag_specification(self, tags: Any, shape: StructureShape) -> dict[str, Any]:
        specification = cast(StructureShape, cast(ListShape, shape.members["TagSpecifications"]).member)
        return {"ResourceType": self.tag_type, "Tags": self._value(tags, specification.members["Tags"], "tags")}

    def _assign(self, into: dict[str, Any], target: str, value: Any, shape: StructureShape, where: str) -> None:
        member, key, rest = _split(target)
        inner = shape.members[member]
        if key and isinstance(inner, MapShape):
            into.setdefault(member, {})[key] = self._value(value, inner.value, where)
        elif key:
            into.setdefault(member, []).extend(self._value({key: value}, inner, where))
        elif not rest:
            into[member] = self._value(value, inner, where)
        elif isinstance(inner, ListShape):
            self._assign(into.setdefault(member, [{}])[0], rest, value, cast(StructureShape, inner.member), where)
        else:
            self._assign(into.setdefault(member, {}), rest, value, cast(StructureShape, inner), where)

    def _value(self, value: Any, shape: Shape, where: str) -> Any:
        match shape.type_name:
            case "structure":
                return self._structure(value, cast(StructureShape, shape), where)
            case "list":
                return self._list(value, cast(ListShape, shape), where)
            case "map":
                return self._map(value, cast(MapShape, shape), where)
            case "blob":
                return zip_archive(value) if isinstance(value, pulumi.Archive) else value
            case _:
                return _scalar(value, shape, where)

    def _structure(self, value: Any, shape: StructureShape, where: str) -> dict[str, Any]:
        if isinstance(value, list) and len(value) <= 1:  # what Terraform writes as a block that may stand once
            value = value[0] if value else {}
        if not isinstance(value, Mapping):
            if "Value" not in shape.members or isinstance(value, list):
                raise ProblemError(f"{where} must be an object")
            value = {"Value": value}  # EC2's attributes wrap their one value
        fitted: dict[str, Any] = {}
        for name, item in value.items():
            if item is None:
                continue
            target = self.target(name, shape, where)
            if target is None:
                raise ProblemError(f"{where}.{name}: AWS's {shape.name} has no such member")
            self._assign(fitted, target, item, shape, f"{where}.{name}")
        return fitted

    def _list(self, value: Any, shape: ListShape, where: str) -> list[Any]:
        pair = _pair(shape.member)
        if isinstance(value, Mapping) and pair:
            key, val, val_shape = pair
            return [{key: name, val: self._value(item, val_shape, f"{where}.{name}")} for name, item in value.items()]
        return [self._value(item, shape.member, where) for item in (value if isinstance(value, list) else [value])]

    def _map(self, value: Any, shape: MapShape, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ProblemError(f"{where} must be an object")
        return {key: self._value(item, shape.value, f"{where}.{key}") for key, item in value.items()}


def _split(target: str) -> tuple[str, str, str]:
    parts = _TARGET.fullmatch(target)
    if parts is None:
        raise ProblemError(f"the table's target {target!r} cannot be read")
    return parts["member"], parts["key"] or "", parts["rest"] or ""


def _pair(shape: Shape) -> tuple[str, str, Shape] | None:
    """The key and the value member of a structure that is such a pair, as tags are."""
    if isinstance(shape, StructureShape) and len(shape.members) == 2:
        key, value = shape.members
        if squash(key).endswith(("key", "name")) and squash(value).endswith("value"):
            return key, value, shape.members[value]
    return None


def _scalar(value: Any, shape: Shape, where: str) -> Any:
    """The value as the shape's type. Pulumi knows one kind of number, and some of its booleans are AWS's strings."""
    if isinstance(value, (Mapping, list)) and shape.type_name != "string":
        raise ProblemError(f"{where} must be a {shape.type_name}")
    match shape.type_name:
        case "string":
            return _text(value, shape)
        case "integer" | "long":
            try:
                number = float(value) if not isinstance(value, bool) else None
            except ValueError:
                number = None
            if number is None or not number.is_integer():
                raise ProblemError(f"{where} must be a whole number")
            return int(number)
        case "float" | "double":
            try:
                return float(value)
            except ValueError:
                raise ProblemError(f"{where} must be a number") from None
        case "boolean":
            if not isinstance(value, bool) and value not in ("true", "false"):
                raise ProblemError(f"{where} must be true or false")
            return value in (True, "true")
        case _:
            return value


def _text(value: Any, shape: Shape) -> str:
    if isinstance(value, bool):
        states = {squash(state): state for state in enumerated(shape)}
        return states.get("enabled" if value else "disabled", str(value).lower())
    return value if isinstance(value, str) else json.dumps(value)
