"""Branches and tags of the Git repository of a build trigger: named, and listed."""

from typing import Annotated, Any

import strawberry

from resolvers.builds.triggers import references
from resolvers.builds.triggers.fire import RefKind
from resolvers.builds.triggers.references import Listed, Reference
from resolvers.pages import paginate_list
from schema.connections import After, Connection, First, connect, page
from schema.context import Info
from schema.errors import mutation, payload
from schema.inputs import PathArgument

strawberry.enum(RefKind, name="GitRefKind", description="What a reference of a Git repository is.")


@strawberry.input(description="A branch or tag of a Git repository.")
class GitRefInput:
    kind: RefKind = strawberry.field(description="What it is.")
    name: str = strawberry.field(description="Its name, such as `main`.")


@strawberry.type(description="A branch or tag of a Git repository.")
class GitReference:
    record: strawberry.Private[Reference]

    @strawberry.field(description="What it is.")
    def kind(self) -> RefKind:
        return self.record.kind

    @strawberry.field(description="Its name, such as `main`.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="The commit that it leads to.")
    def commit(self) -> str:
        return self.record.commit


@strawberry.type(description="The branches and tags of a Git repository.")
class GitReferences:
    listed: strawberry.Private[Listed]

    @strawberry.field(description="The default branch; null in a repository without commits.")
    def default_branch(self) -> str | None:
        return self.listed.default_branch

    @strawberry.field(
        description="The default branch, other branches, and then tags, by their names; of a repository with"
        f" more the first {references.MOST}."
    )
    async def items(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        kind: Annotated[
            RefKind | None, strawberry.argument(description="Only branches, or only tags.")
        ] = None,
    ) -> Connection[GitReference]:
        chosen = [one for one in self.listed.references if kind in (None, one.kind)]
        found = paginate_list(chosen, page(first, after), maximum=info.context.context.max_first)
        return connect(found, lambda one: GitReference(record=one))


BuildTriggerReferencesListPayload = payload(
    "BuildTriggerReferencesListPayload",
    "What came of asking a Git repository for its branches and tags.",
    references=(GitReferences, "What it has; null if refused, or if it does not answer."),
)


@strawberry.type
class BuildTriggerReferencesListMutation:
    @mutation(
        BuildTriggerReferencesListPayload,
        description="Ask the Git repository of an active trigger for its branches and tags; nothing is"
        " ordered. Requires `repo:admin`.",
    )
    async def build_trigger_references_list(
        self,
        info: Info,
        repository: PathArgument,
        uuid: Annotated[str, strawberry.argument(description="The trigger's `uuid`.")],
    ) -> Any:
        listed = await references.listed(info.context.context, repository, uuid)
        return BuildTriggerReferencesListPayload(references=GitReferences(listed=listed))
