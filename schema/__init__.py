"""CONTRACT: the GraphQL schema. Strawberry types whose field bodies are one call into resolvers."""

import strawberry
from graphql import GraphQLInputObjectType, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig

from resolvers.access.scopes import SCOPES
from schema.accounts.account import AccountQuery, User
from schema.accounts.invite import InviteMutation
from schema.accounts.namespace import NamespaceQuery
from schema.accounts.organization import OrganizationMutation, OrganizationQuery
from schema.accounts.robot import Robot, RobotMutation
from schema.accounts.team import TeamMutation
from schema.accounts.user import UserMutation
from schema.context import GraphContext
from schema.mail import MailQuery
from schema.manifests.label import LabelMutation
from schema.message import MessageMutation, MessageQuery
from schema.node import NodeQuery
from schema.oauth.application import ApplicationMutation, ApplicationQuery
from schema.oauth.token import TokenMutation
from schema.record.audit import AuditMutation, AuditQuery
from schema.record.live import Subscription
from schema.repositories.explanation import AccessQuery
from schema.repositories.permission import PermissionMutation
from schema.repositories.prototype import PrototypeMutation
from schema.repositories.repository import RepositoryQuery
from schema.repositories.repository_mutation import RepositoryMutation
from schema.repositories.star import StarMutation
from schema.scalars import SCALARS
from schema.search.search import SearchQuery
from schema.site import SiteMutation, SiteQuery
from schema.tags.copy import TagCopyMutation
from schema.tags.immutability import ImmutabilityMutation
from schema.tags.plan import TagPlanMutation
from schema.tags.tag import TagMutation

__all__ = ["GraphContext", "schema", "scopes", "sdl"]


@strawberry.type(description="Everything that can be asked.")
class Query(
    AccessQuery,
    AccountQuery,
    ApplicationQuery,
    AuditQuery,
    MailQuery,
    MessageQuery,
    NamespaceQuery,
    NodeQuery,
    OrganizationQuery,
    RepositoryQuery,
    SearchQuery,
    SiteQuery,
):
    pass


@strawberry.type(description="Everything that can be changed. Each field is one transaction.")
class Mutation(
    ApplicationMutation,
    AuditMutation,
    ImmutabilityMutation,
    InviteMutation,
    LabelMutation,
    MessageMutation,
    OrganizationMutation,
    PermissionMutation,
    PrototypeMutation,
    RepositoryMutation,
    RobotMutation,
    SiteMutation,
    StarMutation,
    TagCopyMutation,
    TagMutation,
    TagPlanMutation,
    TeamMutation,
    TokenMutation,
    UserMutation,
):
    pass


scopes = SCOPES
"""What a token can be given, for the doors that describe it."""

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Robot, User],
    config=StrawberryConfig(scalar_map=SCALARS),
)

for input_ in schema._schema.type_map.values():
    if isinstance(input_, GraphQLInputObjectType):
        # Strawberry leaves this to a validation rule of its own, which does not see variables.
        input_.is_one_of = input_.extensions["strawberry-definition"].is_one_of


def sdl() -> str:
    """The schema definition language of the schema, sorted by name, as `schema.graphql` holds it.

    Only the printed schema is sorted: sorting rebuilds every type, and the rebuilt enums would not know our
    values.
    """
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"
