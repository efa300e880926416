"""The GraphQL schema: the committed text matches the code, and names follow the rules."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
)

from resolvers.event_kinds import KINDS
from schema import schema, sdl
from tests.process import ROOT, run

VERBS = (
    "Activate",
    "Start",
    "Cancel",
    "Retry",
    "List",
    "Sync",
    "Validate",
    "Verify",
    "Create",
    "Update",
    "Delete",
    "Set",
    "Change",
    "Resend",
    "Reset",
    "Restore",
    "TakeOver",
    "Recount",
    "Revoke",
    "Send",
    "Initialize",
    "Add",
    "Approve",
    "Rotate",
    "Remove",
    "Accept",
    "Decline",
    "Export",
    "Regenerate",
    "Clear",
    "Confirm",
    "Disable",
    "Enable",
    "Request",
    "SignUp",
    "Copy",
    "Expire",
    "Move",
    "Plan",
    "Prune",
    "Rollback",
    "Star",
    "Test",
    "Unstar",
)
BOOLEAN = re.compile(r"(?:is|has|can|include|follows|viewerIs|viewerHas|viewerCan)[A-Z]")
KEYS_OF_REST = ("MirrorConnectionInput.verifyTls", "MirrorConnectionInput.unsignedImages")
"""Fields of an input that REST takes whole, so that they have the names of its keys."""
CHOICES = (
    "Manifest.vulnerabilities.fixable",
    "Manifest.vulnerabilities.suppressed",
    "VulnerabilitySearch.images.suppressed",
)
"""Arguments that choose: all, those of which it holds, or the others."""
TIME = re.compile(
    r"[a-z][A-Za-z]*(?:At|On)|asOf|from|to|olderThan|(?:unp|p)ulledSince|readOnlySince|expiresBefore"
)
SIZE = re.compile(r".*Bytes")
DURATION = re.compile(r".*S")

FREE_FORM = {
    ("Build", "triggerMetadata"): "what a service tells of a push, as far as it does",
    ("BuildTrigger", "config"): "what clients of the REST API send, and may add to it",
    ("BuildTriggerActivateInput", "config"): "as of a trigger",
    ("AuditEntry", "metadata"): "the particulars of a kind of event, which differ from kind to kind",
    ("BuildProvenance", "envelope"): "what DSSE defines",
    ("BuildProvenance", "statement"): "what in-toto and SLSA define",
    ("Event", "metadata"): "as of an audit entry",
    ("InboxNotice", "metadata"): "the particulars of a kind of notice, which differ from kind to kind",
    ("Manifest", "config"): "what the author of an image wrote",
    ("Notification", "config"): "what each method asks for, and clients may add to it",
    ("Notification", "eventConfig"): "what each event offers, and clients may add to it",
    ("NotificationCreateInput", "config"): "as of a notification",
    ("NotificationCreateInput", "eventConfig"): "as of a notification",
    ("NotificationDelivery", "payload"): "what differs from event to event",
    ("ServiceKey", "jwk"): "a JSON Web Key, whose members RFC 7517 defines",
    ("ServiceKey", "metadata"): "what superusers keep with a key",
    ("ServiceKeyCreateInput", "metadata"): "what superusers keep with a key",
    ("ServiceKeyUpdateInput", "metadata"): "what superusers keep with a key",
    ("Robot", "unstructuredMetadata"): "what the owner of a robot keeps with it",
    ("RobotCreateInput", "unstructuredMetadata"): "what the owner of a robot keeps with it",
    ("Setting", "value"): "what a setting has: a text, a number, a list",
    ("Site", "settingsSchema"): "a JSON Schema",
}
"""The only fields of type JSON, and who defines their content; all other values have types."""

GRAPH = schema._schema
TYPES: list[GraphQLNamedType] = [
    type_ for name, type_ in sorted(GRAPH.type_map.items()) if not name.startswith("__")
]
COMPOSITE = [type_ for type_ in TYPES if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)]
INPUTS = [type_ for type_ in TYPES if isinstance(type_, GraphQLInputObjectType)]
CONNECTIONS = [type_ for type_ in COMPOSITE if type_.name.endswith("Connection")]
PAYLOADS = [type_ for type_ in COMPOSITE if type_.name.endswith("Payload")]


def outputs() -> Iterator[tuple[str, str, GraphQLField]]:
    """Every output field: the type's name, its own, the field."""
    for type_ in COMPOSITE:
        for name, field in type_.fields.items():
            yield type_.name, name, field


def inputs() -> Iterator[tuple[str, str, GraphQLInputField]]:
    """Every field of an input object."""
    for type_ in INPUTS:
        for name, field in type_.fields.items():
            yield type_.name, name, field


def typed(kind: str) -> list[str]:
    """The fields, input fields and arguments of a named type, as `Owner.name`."""
    found = [f"{owner}.{name}" for owner, name, field in outputs() if get_named_type(field.type).name == kind]
    found += [f"{owner}.{name}" for owner, name, field in inputs() if get_named_type(field.type).name == kind]
    found += [
        f"{owner}.{name}.{argument}"
        for owner, name, field in outputs()
        for argument, definition in field.args.items()
        if get_named_type(definition.type).name == kind
    ]
    return found


def last(path: str) -> str:
    return path.rpartition(".")[2]


def test_the_committed_schema_is_the_one_that_the_code_serves() -> None:
    assert (ROOT / "schema" / "schema.graphql").read_text() == sdl()


def test_the_command_prints_the_committed_schema(tmp_path: Path) -> None:
    completed = run(tmp_path, "schema")

    assert (completed.returncode, completed.stderr) == (0, "")
    assert completed.stdout == (ROOT / "schema" / "schema.graphql").read_text()


def test_everything_is_described_in_whole_sentences() -> None:
    described = {type_.name: type_.description for type_ in TYPES}
    described |= {f"{owner}.{name}": field.description for owner, name, field in outputs()}
    described |= {f"{owner}.{name}": field.description for owner, name, field in inputs()}
    described |= {
        f"{owner}.{name}({argument}:)": definition.description
        for owner, name, field in outputs()
        for argument, definition in field.args.items()
    }
    built_in = {"Boolean", "Float", "ID", "Int", "JSON", "String"}

    assert len(described) > 200
    assert [
        path
        for path, text in described.items()
        if path not in built_in and not re.fullmatch(r"[A-Z0-9`].*[.:`]", text or "", re.DOTALL)
    ] == []


def test_mutations_are_a_noun_and_a_verb_and_answer_with_a_payload_of_their_own() -> None:
    mutations = GRAPH.mutation_type.fields if GRAPH.mutation_type else {}

    assert len(mutations) > 10
    for name, field in mutations.items():
        assert name.endswith(VERBS), name
        assert name[0].islower()
        assert str(field.type) == f"{name[0].upper()}{name[1:]}Payload", name
    assert {type_.name for type_ in PAYLOADS} == {f"{name[0].upper()}{name[1:]}Payload" for name in mutations}


@pytest.mark.parametrize("payload", PAYLOADS, ids=str)
def test_a_payload_has_errors_and_otherwise_nullable_fields(
    payload: GraphQLObjectType,
) -> None:
    fields = {name: str(field.type) for name, field in payload.fields.items()}

    assert fields.pop("errors") == "[UserError!]!"
    assert fields
    assert [name for name, type_ in fields.items() if type_.endswith("!")] == []


def test_inputs_are_named_after_their_mutation_or_are_parts_of_others() -> None:
    used = {
        get_named_type(definition.type).name
        for _, _, field in outputs()
        for definition in field.args.values()
    }
    used |= {get_named_type(field.type).name for _, _, field in inputs()}

    assert {type_.name for type_ in INPUTS} <= used
    assert all(type_.name.endswith(("Input", "Filter")) for type_ in INPUTS)


def test_booleans_are_positive_statements() -> None:
    found = typed("Boolean")

    assert len(found) > 20
    assert [
        path for path in found if not BOOLEAN.match(last(path)) and path not in (*KEYS_OF_REST, *CHOICES)
    ] == []


def test_times_have_names_of_times() -> None:
    found = typed("DateTime")

    assert len(found) > 5
    assert [path for path in found if not TIME.fullmatch(last(path))] == []


def test_large_integers_name_their_unit() -> None:
    found = typed("BigInt")

    assert len(found) > 4
    assert [
        path for path in found if not SIZE.fullmatch(last(path)) and not DURATION.fullmatch(last(path))
    ] == []


def test_sizes_are_bytes() -> None:
    names = [f"{owner}.{name}" for owner, name, _ in (*outputs(), *inputs()) if "size" in name.lower()]

    assert names
    assert [
        path for path in names if not last(path).endswith("SizeBytes") and last(path) != "sizeBytes"
    ] == []
    assert set(names) <= set(typed("BigInt"))


def test_only_listed_fields_are_free_form() -> None:
    assert {*typed("JSON"), *typed("JSONObject")} == {f"{owner}.{name}" for owner, name in FREE_FORM}


def test_enumerations_are_upper_case() -> None:
    enumerations = [
        # Kinds of events have the names that the logs of REST, exports and the documentation have.
        type_
        for type_ in TYPES
        if isinstance(type_, GraphQLEnumType) and type_.name != "EventKind"
    ]

    assert len(enumerations) > 5
    assert [
        f"{type_.name}.{value}"
        for type_ in enumerations
        for value in type_.values
        if not re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z]+)*", value)
    ] == []


@pytest.mark.parametrize("connection", CONNECTIONS, ids=str)
def test_a_connection_has_edges_nodes_a_page_and_a_count(connection: GraphQLObjectType) -> None:
    node = connection.name.removesuffix("Connection")

    # Connections of logs also have the covered interval.
    more = {"startsAt": "DateTime!", "endsAt": "DateTime!"} if node == "AuditEntry" else {}
    assert {name: str(field.type) for name, field in connection.fields.items()} == {
        "edges": f"[{node}Edge!]!",
        "nodes": f"[{node}!]!",
        "pageInfo": "PageInfo!",
        "totalCount": "Int",
        **more,
    }


def test_every_connection_pages_by_the_same_two_arguments() -> None:
    found = [
        (f"{owner}.{name}", field)
        for owner, name, field in outputs()
        if get_named_type(field.type) in CONNECTIONS
    ]

    assert len(found) > 5
    for path, field in found:
        arguments = {name: str(argument.type) for name, argument in field.args.items()}
        assert (arguments.get("first"), arguments.get("after")) == ("Int!", "Cursor"), path
        assert field.args["first"].default_value == 50


def test_lists_outside_of_connections_are_bounded() -> None:
    short_by_nature = {
        "BuildLog.lines",
        "Layer.command",
        "Layer.urls",
        "Setting.reasons",
        "SettingFinding.settings",
        "Site.findings",
        "Site.settings",
        "Viewer.scopes",
    }
    lists = {
        f"{owner}.{name}": field.description or ""
        for owner, name, field in outputs()
        if str(field.type).startswith("[")
        and not owner.endswith(("Connection", "Payload"))
        and f"{owner}.{name}" not in short_by_nature
    }

    assert lists
    assert [path for path, text in lists.items() if not re.search(r"at most|platforms on offer", text)] == []


def test_every_value_of_every_enum_is_described_in_a_sentence() -> None:
    described = {
        f"{type_.name}.{name}": value.description or ""
        for type_ in TYPES
        if isinstance(type_, GraphQLEnumType)
        for name, value in type_.values.items()
    }

    assert len(described) > 150
    assert [path for path, text in described.items() if not re.fullmatch(r"[A-Z].*\.", text)] == []


def test_the_kinds_of_events_are_those_of_the_table() -> None:
    kinds = GRAPH.type_map["EventKind"]

    assert isinstance(kinds, GraphQLEnumType)
    assert list(kinds.values) == list(KINDS)


GONE = {
    *("deletedId", "uuid", "plan", "tag", "number", "email", "organization", "kid"),
    *("advisory", "minSeverity"),
}


def test_a_deletion_answers_what_is_gone() -> None:
    silent = [
        payload.name
        for payload in PAYLOADS
        if payload.name.endswith(("DeletePayload", "RevokePayload")) and not GONE & payload.fields.keys()
    ]

    assert silent == []


def test_no_name_is_one_of_the_rest_api() -> None:
    names = {name for _, name, _ in (*outputs(), *inputs())} | {type_.name for type_ in TYPES}

    assert [name for name in names if "_" in name] == []
