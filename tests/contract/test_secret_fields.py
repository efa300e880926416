"""Which fields of queries show secrets: no answer with one is compressed, or kept by a cache.

A new field that sounds like a secret is refused here until it is said whether it is one; one that is has to
be decrypted for the answer, or `revealed`.
"""

import re

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
)

from schema import schema

GRAPH = schema._schema
SOUNDS = re.compile(r"secret|token|passw|credential|crypt|sign|cookie|csrf|proves", re.IGNORECASE)
CARRIERS = {"String", "JSON", "JSONObject", "BuildTriggerCredential"}
"""Types that can hold a secret. Those that say no more than which of the things it is cannot."""

SECRETS = {
    *("AppToken.secret", "Application.clientSecret", "BuildTrigger.credentials", "Notification.config"),
    *("NotificationDelivery.response", "Repository.badgeToken", "Robot.token"),
}
HARMLESS = {
    *("Application.redirectUri", "TokenAssignment.redirectUri", "TokenAssignment.responseType"),
    *("TokenAssignment.uuid", "ScopeDetail.name", "ServiceKey.service", "Robot.name", "User.name"),
    *("AuditEntry.metadata", "BuildProvenance.envelope", "BuildProvenance.keyId", "Setting.value"),
    *("ExternalIdentity.issuer", "ExternalIdentity.subject"),
}


def reachable() -> set[GraphQLNamedType]:
    """The types that answers to queries can have."""
    assert GRAPH.query_type is not None
    found: set[GraphQLNamedType] = set()
    todo: list[GraphQLNamedType] = [GRAPH.query_type]
    while todo:
        if (one := todo.pop()) in found:
            continue
        found.add(one)
        if isinstance(one, GraphQLObjectType | GraphQLInterfaceType):
            todo += [get_named_type(field.type) for field in one.fields.values()]
        if isinstance(one, GraphQLInterfaceType | GraphQLUnionType):
            todo += GRAPH.get_possible_types(one)
    return found


def test_each_field_that_sounds_like_a_secret_is_known() -> None:
    sounding = {
        f"{one.name}.{name}"
        for one in reachable()
        if isinstance(one, GraphQLObjectType)
        for name, field in one.fields.items()
        if get_named_type(field.type).name in CARRIERS and SOUNDS.search(f"{name} {field.description}")
    }

    assert sounding == SECRETS | HARMLESS
