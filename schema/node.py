"""The root field `node`: an object by its opaque id."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from resolvers import job
from resolvers.access.permissions import namespace_role
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, invite, robot, team
from resolvers.accounts.account import AccountRecord
from resolvers.builds import build
from resolvers.builds.triggers import trigger
from resolvers.context import Context
from resolvers.errors import Forbidden, NotFound, Unauthenticated
from resolvers.inbox import notice
from resolvers.manifests import label, manifest
from resolvers.mirrors import mirror
from resolvers.notifications import deliveries
from resolvers.notifications.notification import NOTIFICATIONS
from resolvers.oauth import application
from resolvers.pruning import policy as pruning_policy
from resolvers.record import audit
from resolvers.repositories import permission, prototype, repository
from resolvers.repositories.policies import P, Policies
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import immutability, tag
from schema.accounts.account import to_user
from schema.accounts.invite import to_invite
from schema.accounts.namespace import Namespace
from schema.accounts.organization import to_organization
from schema.accounts.robot import to_robot
from schema.accounts.team import to_judged_team
from schema.builds.build import to_build
from schema.builds.trigger import to_trigger
from schema.context import Info
from schema.inbox.notice import to_notice
from schema.job import to_job
from schema.manifests.label import to_label
from schema.manifests.manifest import to_manifest
from schema.mirrors.mirror import to_mirror
from schema.node_id import Node, decode_any, encode_id
from schema.notifications.delivery import to_delivery
from schema.notifications.notification import to_notification
from schema.oauth.application import to_application
from schema.pruning.policy import to_prune_policy
from schema.record.audit import to_entry
from schema.repositories.permission import to_permission
from schema.repositories.prototype import to_prototype
from schema.repositories.repository import to_judged_repository
from schema.tags.immutability import to_policy
from schema.tags.tag import to_tag


async def _repository(context: Context, row_id: int) -> RepositoryRecord | None:
    record = (await repository.by_ids([row_id])).get(row_id)
    # By path, so that the same access check applies.
    return await repository.repository(context, record.path) if record else None


async def _repository_node(context: Context, row_id: int) -> Node | None:
    record = await _repository(context, row_id)
    return to_judged_repository(record) if record else None


async def _tag_node(context: Context, row_id: int) -> Node | None:
    record = (await tag.by_ids([row_id])).get(row_id)
    return to_tag(record) if record and await _repository(context, record.repository_id) else None


async def _manifest_node(context: Context, row_id: int) -> Node | None:
    record = (await manifest.by_ids([row_id])).get(row_id)
    return to_manifest(record) if record and await _repository(context, record.repository_id) else None


async def _account(row_id: int, *kinds: AccountKind) -> AccountRecord | None:
    record = (await account.by_ids([row_id])).get(row_id)
    # By name, which excludes accounts that are being deleted.
    return await account.by_name(record.name, *kinds) if record else None


async def _user_node(context: Context, row_id: int) -> Node | None:
    record = await _account(row_id, AccountKind.USER)
    return to_user(record) if record else None


async def _organization_node(context: Context, row_id: int) -> Node | None:
    record = await _account(row_id, AccountKind.ORGANIZATION)
    return to_organization(record) if record else None


async def _namespace_node(context: Context, row_id: int) -> Node | None:
    record = await _account(row_id, AccountKind.USER, AccountKind.ORGANIZATION)
    if record is None or await namespace_role(context.viewer, row_id) is None:
        return None
    return Namespace(id=encode_id("Namespace", row_id), record=record)


async def _application_node(context: Context, row_id: int) -> Node | None:
    record = (await application.by_ids([row_id])).get(row_id)
    # By client id, which excludes applications of an organization that is being deleted.
    found = await application.information(context, record.client_id) if record else None
    return to_application(found) if found else None


async def _team_node(context: Context, row_id: int) -> Node | None:
    record = (await team.by_ids([row_id])).get(row_id)
    if record is None or await namespace_role(context.viewer, record.organization_id) is None:
        return None
    # An organization that is being deleted still has its teams.
    owner = await _account(record.organization_id, AccountKind.ORGANIZATION)
    return to_judged_team(record) if owner else None


async def _robot_node(context: Context, row_id: int) -> Node | None:
    record = (await robot.by_account_ids(context, [row_id])).get(row_id)
    if record is None or await robot.owner_role(context.viewer, record.owner_id) is None:
        return None
    owner = await _account(record.owner_id, AccountKind.USER, AccountKind.ORGANIZATION)
    return to_robot(record) if owner else None


async def _team_invite_node(context: Context, row_id: int) -> Node | None:
    record = await invite.by_id(context, row_id)
    return to_invite(record) if record else None


async def _notice_node(context: Context, row_id: int) -> Node | None:
    record = await notice.by_id(context, row_id)
    return to_notice(record) if record else None


async def _prototype_node(context: Context, row_id: int) -> Node | None:
    record = await prototype.by_id(context, row_id)
    owner = await _account(record.organization_id, AccountKind.ORGANIZATION) if record else None
    return to_prototype(record) if record and owner else None


async def _permission_node(context: Context, row_id: int) -> Node | None:
    record = await permission.by_id(context, row_id)
    return to_permission(record) if record else None


def _policy_node(
    policies: Policies[P], convert: Callable[[P], Node]
) -> Callable[[Context, int], Awaitable[Node | None]]:
    async def find(context: Context, row_id: int) -> Node | None:
        record = await policies.by_id(context, row_id)
        if record is None:
            return None
        owner = await _account(record.namespace_id, AccountKind.USER, AccountKind.ORGANIZATION)
        return convert(record) if owner else None

    return find


async def _label_node(context: Context, row_id: int) -> Node | None:
    record = await label.by_id(row_id)
    return to_label(record) if record and await _manifest_node(context, record.manifest_id) else None


async def _entry_node(context: Context, row_id: int) -> Node | None:
    record = await audit.by_id(context, row_id)
    return to_entry(record) if record else None


async def _job_node(context: Context, row_id: int) -> Node | None:
    record = await job.by_id(context, row_id)
    return to_job(record) if record else None


async def _build_node(context: Context, row_id: int) -> Node | None:
    record = await build.by_id(row_id)
    place = await _repository(context, record.repository_id) if record else None
    return to_build(record, place) if record and place else None


async def _trigger_node(context: Context, row_id: int) -> Node | None:
    found = await trigger.by_id(context, row_id)
    return to_trigger(*found) if found else None


async def _mirror_node(context: Context, row_id: int) -> Node | None:
    record = await mirror.by_id(context, row_id)
    return to_mirror(record) if record else None


async def _delivery_node(context: Context, row_id: int) -> Node | None:
    record = await deliveries.stored(row_id)
    seen = record and await NODES["Notification"](context, record.notification_id)
    return to_delivery(record) if record and seen else None


NODES: dict[str, Callable[[Context, int], Awaitable[Node | None]]] = {
    "Application": _application_node,
    "AuditEntry": _entry_node,
    "Build": _build_node,
    "BuildTrigger": _trigger_node,
    "ImmutabilityPolicy": _policy_node(immutability.POLICIES, to_policy),
    "InboxNotice": _notice_node,
    "Job": _job_node,
    "Label": _label_node,
    "Manifest": _manifest_node,
    "Namespace": _namespace_node,
    "Notification": _policy_node(NOTIFICATIONS, to_notification),
    "NotificationDelivery": _delivery_node,
    "Organization": _organization_node,
    "PermissionPrototype": _prototype_node,
    "PrunePolicy": _policy_node(pruning_policy.POLICIES, to_prune_policy),
    "Repository": _repository_node,
    "RepositoryPermission": _permission_node,
    "RepositoryMirror": _mirror_node,
    "Robot": _robot_node,
    "Tag": _tag_node,
    "Team": _team_node,
    "TeamInvite": _team_invite_node,
    "User": _user_node,
}
"""How `node` finds an object of each type, with the access checks of the other ways to it."""


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="An object by its id; null if there is none such, or none that the viewer may see."
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The opaque id.")]
    ) -> Node | None:
        found = decode_any(id, NODES)
        if found is None:
            return None
        kind, row_id = found
        try:
            return await NODES[kind](info.context.context, row_id)
        except (Unauthenticated, Forbidden, NotFound):
            return None
