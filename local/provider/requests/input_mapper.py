"""Maps a resource's camelCase inputs to the members of an operation's input shape, which determines all names and types."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.provider.requests.archives import zip_archive
from local.provider.requests.members import enum_values, find_member, find_nested
from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import normalize_name

_TARGET = re.compile(r"(?P<member>\w+)(?:\[(?P<key>[^\]]+)\])?(?:\.(?P<rest>.+))?")


@dataclass
class MappedRequest:
    """A request's parameters, and the target member of each input that was mapped."""

    parameters: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InputMapper:
    """Maps inputs for one call. `noun` is the operation's noun; `tag_type` is EC2's resource type in TagSpecifications."""

    rename: Mapping[str, str]
    noun: str = ""
    tag_type: str = ""

    def map_inputs(self, inputs: Mapping[str, Any], shape: StructureShape) -> MappedRequest:
        """Map every input that has a target in the shape and skip the others.

        Raises:
            ResourceError: A value does not have the type of its target.
        """
        request = MappedRequest()
        for name, value in inputs.items():
            if value is None:
                continue
            target = self.find_target(name, shape)
            if target == "TagSpecifications" and name == "tags":
                request.targets[name] = target
                if value:
                    request.parameters[target] = [self._tag_specification(value, shape)]
            elif target:
                request.targets[name] = target
                self._assign(request.parameters, target, value, shape, name)
        return request

    def find_target(self, name: str, shape: StructureShape, parent: str = "") -> str | None:
        """Return an input's target: the table's rename, the member of that name, or the only nested member of that name."""
        path = f"{parent}.{name}" if parent else name
        if path in self.rename:
            target = self.rename[path]
            # A rename may apply to a later call, whose shape has that member.
            return target if _parse_target(target)[0] in shape.members else None
        found = find_member(name, shape, "" if parent else self.noun) or find_nested(name, shape)
        if found is None and path == "tags" and "TagSpecifications" in shape.members:
            return "TagSpecifications"
        return found

    def _tag_specification(self, tags: Any, shape: StructureShape) -> dict[str, Any]:
        specification = cast(StructureShape, cast(ListShape, shape.members["TagSpecifications"]).member)
        return {"ResourceType": self.tag_type, "Tags": self._convert(tags, specification.members["Tags"], "tags")}

    def _assign(self, parameters: dict[str, Any], target: str, value: Any, shape: StructureShape, path: str) -> None:
        member, key, rest = _parse_target(target)
        inner = shape.members[member]
        if key and isinstance(inner, MapShape):
            parameters.setdefault(member, {})[key] = self._convert(value, inner.value, path)
        elif key:
            parameters.setdefault(member, []).extend(self._convert({key: value}, inner, path))
        elif not rest:
            parameters[member] = self._convert(value, inner, path)
        elif isinstance(inner, ListShape):
            self._assign(parameters.setdefault(member, [{}])[0], rest, value, cast(StructureShape, inner.member), path)
        else:
            self._assign(parameters.setdefault(member, {}), rest, value, cast(StructureShape, inner), path)

    def _convert(self, value: Any, shape: Shape, path: str) -> Any:
        match shape.type_name:
            case "structure":
                return self._convert_structure(value, cast(StructureShape, shape), path)
            case "list":
                return self._convert_list(value, cast(ListShape, shape), path)
            case "map":
                return self._convert_map(value, cast(MapShape, shape), path)
            case "blob":
                return zip_archive(value) if isinstance(value, pulumi.Archive) else value
            case _:
                return _convert_scalar(value, shape, path)

    def _convert_structure(self, value: Any, shape: StructureShape, path: str) -> dict[str, Any]:
        if isinstance(value, list) and len(value) <= 1:  # Terraform's blocks that may occur once
            value = value[0] if value else {}
        if not isinstance(value, Mapping):
            if "Value" not in shape.members or isinstance(value, list):
                raise ResourceError(f"{path} must be an object")
            value = {"Value": value}  # EC2 wraps the value of an attribute
        mapped: dict[str, Any] = {}
        for name, item in value.items():
            if item is None:
                continue
            target = self.find_target(name, shape, path)
            if target is None:
                raise ResourceError(f"{path}.{name}: AWS's {shape.name} has no such member")
            self._assign(mapped, target, item, shape, f"{path}.{name}")
        return mapped

    def _convert_list(self, value: Any, shape: ListShape, path: str) -> list[Any]:
        pair = _key_value_pair(shape.member)
        if isinstance(value, Mapping) and pair:
            key, val, val_shape = pair
            return [{key: name, val: self._convert(item, val_shape, f"{path}.{name}")} for name, item in value.items()]
        return [self._convert(item, shape.member, path) for item in (value if isinstance(value, list) else [value])]

    def _convert_map(self, value: Any, shape: MapShape, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ResourceError(f"{path} must be an object")
        return {key: self._convert(item, shape.value, f"{path}.{key}") for key, item in value.items()}


def _parse_target(target: str) -> tuple[str, str, str]:
    parts = _TARGET.fullmatch(target)
    if parts is None:
        raise ResourceError(f"invalid target {target!r} in the table of types")
    return parts["member"], parts["key"] or "", parts["rest"] or ""


def _key_value_pair(shape: Shape) -> tuple[str, str, Shape] | None:
    """Return key member, value member and value shape if the structure is a key/value pair, such as a tag."""
    if isinstance(shape, StructureShape) and len(shape.members) == 2:
        key, value = shape.members
        if normalize_name(key).endswith(("key", "name")) and normalize_name(value).endswith("value"):
            return key, value, shape.members[value]
    return None


def _convert_scalar(value: Any, shape: Shape, path: str) -> Any:
    """Return the value converted to the shape's type: Pulumi has one number type, and some of its booleans are AWS strings."""
    if isinstance(value, (Mapping, list)) and shape.type_name != "string":
        raise ResourceError(f"{path} must be a {shape.type_name}")
    match shape.type_name:
        case "string":
            return _convert_text(value, shape)
        case "integer" | "long":
            try:
                number = float(value) if not isinstance(value, bool) else None
            except ValueError:
                number = None
            if number is None or not number.is_integer():
                raise ResourceError(f"{path} must be a whole number")
            return int(number)
        case "float" | "double":
            try:
                return float(value)
            except ValueError:
                raise ResourceError(f"{path} must be a number") from None
        case "boolean":
            if not isinstance(value, bool) and value not in ("true", "false"):
                raise ResourceError(f"{path} must be true or false")
            return value in (True, "true")
        case _:
            return value


def _convert_text(value: Any, shape: Shape) -> str:
    if isinstance(value, bool):
        states = {normalize_name(state): state for state in enum_values(shape)}
        return states.get("enabled" if value else "disabled", str(value).lower())
    return value if isinstance(value, str) else json.dumps(value)
