"""The data source `aws.iam.get_policy_document`: converts Terraform's statements to an IAM policy document."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

_LISTS = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}


def make_policy_document(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document: source documents first, then the statements, then override documents.

    A later statement replaces an earlier one with the same `Sid`, as in Terraform.
    """
    statements: list[dict[str, Any]] = []
    for text in args.get("sourcePolicyDocuments") or ():
        statements = _merge(statements, _parse_statements(text))
    statements = _merge(statements, [_convert_statement(each) for each in args.get("statements") or ()])
    for text in args.get("overridePolicyDocuments") or ():
        statements = _merge(statements, _parse_statements(text))
    document: dict[str, Any] = {"Version": args.get("version") or "2012-10-17"}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    return {**document, "Statement": statements}


def _parse_statements(text: str) -> list[dict[str, Any]]:
    found = json.loads(text).get("Statement", [])
    return found if isinstance(found, list) else [found]


def _merge(earlier: list[dict[str, Any]], later: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    merged = list(earlier)
    for statement in later:
        same = [index for index, each in enumerate(merged) if each.get("Sid") and each["Sid"] == statement.get("Sid")]
        if same:
            merged[same[0]] = statement
        else:
            merged.append(statement)
    return merged


def _convert_statement(source: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": source["sid"]} if source.get("sid") else {}
    statement["Effect"] = source.get("effect") or "Allow"
    statement |= {member: _unwrap_single(source[name]) for name, member in _LISTS.items() if source.get(name)}
    for name, member in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if source.get(name):
            statement[member] = _convert_principals(source[name])
    for condition in source.get("conditions") or ():
        tests = statement.setdefault("Condition", {}).setdefault(condition["test"], {})
        tests[condition["variable"]] = _unwrap_single(condition["values"])
    return statement


def _convert_principals(principals: Iterable[Mapping[str, Any]]) -> Any:
    by_type: dict[str, list[str]] = {}
    for principal in principals:
        by_type.setdefault(principal["type"], []).extend(principal["identifiers"])
    if by_type == {"*": ["*"]}:
        return "*"
    return {type_: _unwrap_single(identifiers) for type_, identifiers in by_type.items()}


def _unwrap_single(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values
