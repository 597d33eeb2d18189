"""`aws.iam.get_policy_document`: Terraform's statements as an IAM policy document."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

_LISTS = {"actions": "Action", "notActions": "NotAction", "resources": "Resource", "notResources": "NotResource"}


def policy_document(args: Mapping[str, Any]) -> dict[str, Any]:
    """The document: source documents first, then the statements, then override documents. A later statement replaces an
    earlier one of the same `Sid`, as in Terraform."""
    statements: list[dict[str, Any]] = []
    for text in args.get("sourcePolicyDocuments") or ():
        statements = _merged(statements, _parsed(text))
    statements = _merged(statements, [_statement(each) for each in args.get("statements") or ()])
    for text in args.get("overridePolicyDocuments") or ():
        statements = _merged(statements, _parsed(text))
    document: dict[str, Any] = {"Version": args.get("version") or "2012-10-17"}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    return {**document, "Statement": statements}


def _parsed(text: str) -> list[dict[str, Any]]:
    found = json.loads(text).get("Statement", [])
    return found if isinstance(found, list) else [found]


def _merged(earlier: list[dict[str, Any]], later: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    merged = list(earlier)
    for statement in later:
        places = [index for index, each in enumerate(merged) if each.get("Sid") and each["Sid"] == statement.get("Sid")]
        if places:
            merged[places[0]] = statement
        else:
            merged.append(statement)
    return merged


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": given["sid"]} if given.get("sid") else {}
    statement["Effect"] = given.get("effect") or "Allow"
    statement |= {member: _unlisted(given[name]) for name, member in _LISTS.items() if given.get(name)}
    for name, member in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(name):
            statement[member] = _principals(given[name])
    for condition in given.get("conditions") or ():
        tests = statement.setdefault("Condition", {}).setdefault(condition["test"], {})
        tests[condition["variable"]] = _unlisted(condition["values"])
    return statement


def _principals(given: Iterable[Mapping[str, Any]]) -> Any:
    by_type: dict[str, list[str]] = {}
    for principal in given:
        by_type.setdefault(principal["type"], []).extend(principal["identifiers"])
    if by_type == {"*": ["*"]}:
        return "*"
    return {kind: _unlisted(identifiers) for kind, identifiers in by_type.items()}


def _unlisted(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values
