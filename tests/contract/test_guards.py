"""Fields that can be refused: each is nullable, so that a refusal costs nothing but the field itself."""

import inspect
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, is_non_null_type

from schema import schema
from schema.guards import Guarded

GRAPH = schema._schema

NEVER_REFUSED = {
    "BuildTrigger.viewerCanStart": "says false instead",
    "AccessToken.user": "of a token that the viewer may see",
    "AppToken.user": "of a token that the viewer may see",
    "Application.avatar": "what an application is called is public",
    "Application.organization": "who owns an application is public",
    "Application.viewerCanAdminister": "says false instead",
    "FoundImage.repository": "of an image that the viewer may see",
    "FoundImage.isSuppressed": "of an image that the viewer may see",
    "FoundImage.source": "of an image that the viewer may see",
    "FoundPackageImage.packages": "of an image that the viewer may see",
    "FoundPackageImage.repository": "of an image that the viewer may see",
    "FoundPackageImage.source": "of an image that the viewer may see",
    "ImagePackage.cveNames": "of an image that the viewer may see",
    "ImagePackage.cvssScores": "of an image that the viewer may see",
    "LargeBlob.repositories": "only those that the viewer may see",
    "Manifest.pulls": "counts, without a limit",
    "Manifest.tagNames": "at most 100 names",
    "Manifest.totalSizeBytes": "one number, from the database",
    "ManifestScan.problems": "at most 100 problems",
    "Organization.viewerCanAdminister": "says false instead",
    "Organization.viewerCanCreateRepositories": "says false instead",
    "Organization.viewerIsMember": "says false instead",
    "OrganizationMirror.statusCounts": "of a mirror that the viewer may see",
    "PermissionPrototype.delegate": "of a default permission that the viewer may see",
    "RepositoryMirror.runs": "of a mirror that the viewer may see",
    "PrunePolicy.lastRuns": "of a policy that the viewer may see",
    "PrunePreviewItem.digest": "of a preview that the viewer may see",
    "PruneRun.tags": "of a policy that the viewer may see",
    "Repository.viewerCanAdminister": "says false instead",
    "Repository.viewerCanWrite": "says false instead",
    "RepositoryPermission.grantee": "of a permission that the viewer may see",
    "RepositoryStorage.storedBytes": "one number, from the database",
    "Robot.webPath": "follows from the name",
    "Site.status": "whether there is a user; anybody may know",
    "Storage.storedBytes": "one number, from the database",
    "Tag.manifest": "of a tag that the viewer may see",
    "Tag.pulls": "counts, without a limit",
    "Team.viewerCanAdminister": "says false instead",
    "Team.viewerCanView": "says false instead",
    "Team.webPath": "follows from the names",
    "TeamMember.subject": "of a team whose members the viewer may see",
    "TokenAssignment.application": "who asks for a token is public",
    "Site.isReadOnly": "anybody may know",
    "UserSettings.accessTokenCount": "one number, from the database",
    "UserSettings.appTokenCount": "one number, from the database",
}
"""The fields without arguments that ask something and may still not be null, and why none of them is refused.
The `totalCount` of each connection is nullable."""


def fields() -> list[tuple[str, Any, GraphQLField]]:
    """Every field but those of the subscription, by its path, with the class that its type is made from."""
    return [
        (f"{type_.name}.{name}", type_.extensions["strawberry-definition"].origin, field)
        for type_ in GRAPH.type_map.values()
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        and not type_.name.startswith("__")
        and type_ is not GRAPH.subscription_type
        for name, field in type_.fields.items()
    ]


def definition(field: GraphQLField) -> Any:
    return field.extensions["strawberry-definition"]


def resolver(field: GraphQLField) -> Any:
    made = definition(field).base_resolver
    return made.wrapped_func if made else None


def required(*, where: Any) -> list[str]:
    """The paths of the fields that may not be null and for which `where(path, origin, field)` is true."""
    return [
        path
        for path, origin, field in fields()
        if is_non_null_type(field.type) and where(path, origin, field)
    ]


def test_mutations_are_nullable_so_that_a_refused_one_does_not_hide_the_others() -> None:
    assert required(where=lambda path, origin, field: path.startswith("Mutation.")) == []


def test_fields_with_arguments_are_nullable_since_an_argument_can_be_refused() -> None:
    assert required(where=lambda path, origin, field: field.args) == []


def test_guarded_fields_are_nullable() -> None:
    def is_guarded(path: str, origin: Any, field: GraphQLField) -> bool:
        return issubclass(origin, Guarded) and definition(field).python_name not in origin.open_fields

    assert [path for path, origin, field in fields() if is_guarded(path, origin, field)]
    assert required(where=is_guarded) == []


def test_other_fields_that_ask_something_are_known_never_to_be_refused() -> None:
    def asks(path: str, origin: Any, field: GraphQLField) -> bool:
        return inspect.iscoroutinefunction(resolver(field))

    assert sorted(required(where=asks)) == sorted(NEVER_REFUSED)


def test_fields_that_ask_nothing_refuse_nothing() -> None:
    def refuses(path: str, origin: Any, field: GraphQLField) -> bool:
        made = resolver(field)
        return made is not None and "raise " in inspect.getsource(made)

    assert required(where=refuses) == []


@pytest.mark.parametrize(
    "origin", sorted({origin for _, origin, _ in fields() if issubclass(origin, Guarded)}, key=str)
)
def test_open_fields_are_fields(origin: type[Guarded]) -> None:
    names = {definition(field).python_name for _, owner, field in fields() if owner is origin}

    assert origin.open_fields < names
