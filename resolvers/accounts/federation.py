"""Identity federation of robots: identities of external OIDC issuers that may act as a robot.

A build system presents an identity token of its own issuer, and gets a password of the robot for one hour, so
that it need not store a robot token.
"""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from resolvers import events
from resolvers.access.registry_tokens import RobotPassword, TokenSigner
from resolvers.access.viewer import DIRECT, AccountKind, Viewer, ViewerAccount
from resolvers.accounts.oidc import Issuers, unverified_issuer
from resolvers.accounts.robot import RobotRecord, end_tokens, lock, require_owner_to_write, require_robot
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.outbound.urls import split_url
from storage.conditions import can_act
from storage.models.account import RobotFederation
from storage.statements import Row, execute, fetch, fetch_one, placeholders
from storage.transactions import transaction

MAX_IDENTITIES = 100
MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """A subject of an external issuer. The issuer is a URL, exactly as in the claim `iss` of its tokens."""

    issuer: str
    subject: str


async def identities(robot_ids: Sequence[int]) -> dict[int, list[Identity]]:
    """The identities that may act as each robot, in one statement; the caller has checked permissions."""
    if not robot_ids:
        return {}
    rows = await fetch(
        "SELECT account_id, issuer, subject FROM robot_federation"
        f" WHERE account_id IN ({placeholders(robot_ids)}) ORDER BY id",
        *robot_ids,
    )
    found: dict[int, list[Identity]] = {}
    for row in rows:
        found.setdefault(row["account_id"], []).append(Identity(row["issuer"], row["subject"]))
    return found


async def replace(
    context: Context, *, owner: str | None, short_name: str, identities: Sequence[Identity]
) -> RobotRecord:
    """Let exactly these identities act as a robot.

    If one may no longer, all tokens issued to the robot before become invalid. The same identities are no
    change, and leave no event. Requires what creating the robot requires. Raises `NotFound`, `Invalid`.
    """
    namespace = await require_owner_to_write(context, owner)
    record = await require_robot(context, namespace, short_name)
    _check(identities)
    async with transaction("robot_federation.replace"):
        await lock(record)
        before = await _identities(record)
        if before == list(identities):
            return record
        if set(before) - set(identities):
            await end_tokens(record)
        await _remove(record)
        await RobotFederation.bulk_create(
            [
                RobotFederation(account_id=record.id, issuer=identity.issuer, subject=identity.subject)
                for identity in identities
            ]
        )
        await events.record(
            context,
            "create_robot_federation",
            {
                "config": [
                    {"issuer": identity.issuer, "subject": identity.subject} for identity in identities
                ],
                "robot": short_name,
            },
            namespace_id=namespace.id,
        )
    return record


async def clear(context: Context, *, owner: str | None, short_name: str) -> RobotRecord:
    """Let no identity act as a robot. If one could, tokens issued to the robot before become invalid.

    Requires what creating the robot requires. Raises `NotFound`.
    """
    namespace = await require_owner_to_write(context, owner)
    record = await require_robot(context, namespace, short_name)
    async with transaction("robot_federation.clear"):
        await lock(record)
        if not await _identities(record):
            return record
        await end_tokens(record)
        await _remove(record)
        await events.record(
            context, "delete_robot_federation", {"robot": short_name}, namespace_id=namespace.id
        )
    return record


async def _identities(record: RobotRecord) -> list[Identity]:
    return (await identities([record.id])).get(record.id, [])


async def _remove(record: RobotRecord) -> None:
    await execute("DELETE FROM robot_federation WHERE account_id = ?", record.id)


def _check(identities: Collection[Identity]) -> None:
    if len(identities) > MAX_IDENTITIES:
        raise Invalid(f"identities: name at most {MAX_IDENTITIES}.", field="identities")
    if len(set(identities)) < len(identities):
        raise Invalid("Duplicate federation config entry", field="identities")
    for identity in identities:
        if not identity.issuer or not identity.subject:
            raise Invalid("Missing one or more required fields (issuer, subject)", field="identities")
        if max(len(identity.issuer), len(identity.subject)) > MAX_LENGTH:
            raise Invalid(
                f"identities: issuer and subject must have at most {MAX_LENGTH} characters each.",
                field="identities",
            )
        if not _is_web_address(identity.issuer):
            raise Invalid("Issuer must be a URL (http:// or https://)", field="identities")


def _is_web_address(text: str) -> bool:
    try:
        split_url(text)
    except Invalid:
        return False
    return True


async def exchange(context: Context, issuers: Issuers, signer: TokenSigner, *, robot: str, token: str) -> str:
    """Exchange an identity token for a password of a robot, valid for one hour.

    Raises `Invalid` for a token that is not accepted, with the same text for an unknown robot; `Upstream` if
    the keys of the issuer cannot be fetched.
    """
    issuer = unverified_issuer(token)
    if issuer is None:
        raise Invalid("Invalid token: it is not a signed JWT.")
    row = await _active_robot(robot)
    trusted = (await identities([row["id"]])).get(row["id"], []) if row else []
    subjects = {identity.subject for identity in trusted if identity.issuer == issuer}
    if row is None or not subjects:
        raise Invalid("Robot does not have federated login configured for the issuer of the token")
    claims = await issuers.verify(
        token, issuer=issuer, audiences={context.site.registry_host, context.site.public_url}
    )
    if claims["sub"] not in subjects:
        raise Invalid("Token does not match robot")
    account = ViewerAccount(row["id"], robot, AccountKind.ROBOT, row["auth_epoch"])
    async with transaction("robot_federation.exchange"):
        await events.record(
            dataclasses.replace(context, viewer=Viewer(account, DIRECT)),
            "federated_robot_token_exchange",
            {"subject": claims["sub"], "issuer": issuer, "robot": robot},
            namespace_id=row["owner_id"],
        )
    # `auth_epoch` was read before the request to the issuer, so a change meanwhile invalidates the password.
    return await signer.issue_password(RobotPassword(robot, row["id"], row["auth_epoch"]))


async def _active_robot(name: str) -> Row | None:
    return await fetch_one(
        "SELECT a.id, a.auth_epoch, r.owner_id FROM account a JOIN robot r ON r.account_id = a.id"
        f" WHERE a.name = ? AND {can_act('a')}",
        name,
    )
