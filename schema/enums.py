"""What each value of an enum means. One table, so that no value stays without a word."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import strawberry
from graphql import GraphQLEnumType, GraphQLSchema

from resolvers.access.scopes import SCOPES
from resolvers.event_kinds import KINDS

if TYPE_CHECKING:
    EventKind: TypeAlias = StrEnum
else:
    EventKind = StrEnum("EventKind", [(name, name) for name in KINDS])
    """The kinds of the table of events, by the names that the logs of REST have."""

strawberry.enum(
    EventKind,
    name="EventKind",
    description="What happened: the kinds of events and of entries of the audit log.",
)

ERROR_CODES = {
    "UNAUTHENTICATED": "Nobody is signed in, or the credentials are wrong. Top-level.",
    "FORBIDDEN": "The viewer is known and may not. Top-level.",
    "FRESH_LOGIN_REQUIRED": "The sign-in is too long ago for this. Top-level.",
    "BAD_REQUEST": "The request makes no sense, whatever it is about. Top-level.",
    "TOO_COMPLEX": "The document, or the response to it, exceeds a limit. Top-level.",
    "UNAVAILABLE": "The database does not answer at present; later will do. Top-level.",
    "INTERNAL": "A fault of the server; the request id finds it in the log. Top-level.",
    "INVALID": "A value breaks a rule.",
    "ALREADY_EXISTS": "The name is taken.",
    "UNKNOWN_REFERENCE": "The input names something that does not exist.",
    "NOT_FOUND": "The object to act on does not exist.",
    "IMMUTABLE": "The tag is locked.",
    "LICENSE": "A limit of the installation is reached.",
    "UPSTREAM": "Another server that was asked did not answer as it should.",
    "NOT_WRITABLE": "The repository is in a state that refuses writes.",
    "QUOTA_EXCEEDED": "The namespace would store more than its quota allows.",
    "TOO_MANY": "Too often or too many; later or fewer will do.",
    "CONFLICT": "What the caller assumed is no longer so.",
}

VALUES: Mapping[str, Mapping[str, str]] = {
    "AccountKind": {
        "USER": "A person.",
        "ORGANIZATION": "A namespace that teams share.",
        "ROBOT": "An account for machines, owned by one of the others.",
    },
    "ActorKind": {
        "USER": "A user by password or session.",
        "ROBOT": "A robot.",
        "TOKEN": "A token that stands for a user.",
        "ANONYMOUS": "Nobody known.",
    },
    "ArtifactKind": {
        "SIGNATURE": "A signature of cosign or Notation.",
        "ATTESTATION": "An attestation, in-toto or DSSE.",
        "SBOM": "A bill of materials, SPDX or CycloneDX.",
        "OTHER": "Something else.",
    },
    "AvatarKind": {
        "USER": "A user.",
        "ROBOT": "A robot.",
        "ORGANIZATION": "An organization.",
        "TEAM": "A team.",
        "APPLICATION": "An OAuth application.",
    },
    "ErrorCode": ERROR_CODES,
    "EventKind": {name: kind.sentence for name, kind in KINDS.items()},
    "GlobalMessageSeverity": {
        "INFO": "Good to know.",
        "WARNING": "To be heeded.",
        "ERROR": "Something does not work.",
    },
    "GrantSource": {
        "OWNER": "The account owns the namespace.",
        "ORGANIZATION_ADMIN": "A team of the account administers the organization.",
        "TEAM": "A team of the account has a permission on the repository.",
        "DIRECT": "The account itself has a permission on the repository.",
        "PUBLIC": "Everybody may pull.",
        "SUPERUSER": "Superusers may do everything here.",
    },
    "GranteeKind": {"USER": "A user or a robot.", "TEAM": "A team of the organization."},
    "JobState": {
        "WAITING": "It has not begun, or is to be tried again.",
        "RUNNING": "A process is at it.",
        "DONE": "It has succeeded.",
        "FAILED": "Its last attempt has failed.",
        "CANCELLED": "A superuser has ended it.",
    },
    "LabelSource": {
        "MANIFEST": "The image itself; it cannot be deleted.",
        "API": "Somebody by this API or by REST, and it can be deleted so.",
        "INTERNAL": "This registry; it cannot be deleted.",
    },
    "PruneMethod": {
        "NUMBER_OF_TAGS": "All tags end but the newest, as many as the policy says.",
        "CREATION_DATE": "Tags end that are older than the policy says.",
    },
    "PruneVerdict": {
        "DELETES": "It ends at the next run.",
        "OTHER_NAME": "The policy is for tags of other names.",
        "TOO_YOUNG": "It is younger than the policy says.",
        "AMONG_NEWEST": "It is among the newest, as many as the policy says.",
        "LOCKED": "It would end, but is locked.",
        "PULLED": "It would end, but was pulled within the days that the policy says.",
    },
    "QuotaLimitKind": {
        "WARNING": "Those who own the namespace are told.",
        "REJECT": "Nothing more may be pushed.",
    },
    "ReclaimMoment": {
        "NOW": "By a collection right now.",
        "AFTER_TIME_MACHINE": "By a collection when the window of the time machine is over for what is"
        " deleted now, and the grace period for what was pushed until now.",
    },
    "ReferrerSource": {
        "SUBJECT": "By the field `subject` of the manifest.",
        "TAG": "By a tag such as `sha256-<hex>.sig`.",
    },
    "RepositoryOrder": {
        "CREATED_AT": "The oldest first.",
        "NEWEST_FIRST": "The newest first.",
        "NAME": "By path, byte by byte.",
        "NAME_REVERSED": "By path, the last first.",
        "POPULARITY": "The most pulled of the last 90 days first; for lists of at most 10,000.",
        "UNPOPULAR_FIRST": "The least pulled of the last 90 days first; for lists of at most 10,000.",
        "LAST_MODIFIED_AT": "The most recently changed first, those that never had a tag last; for lists of"
        " at most 10,000.",
        "UNMODIFIED_FIRST": "Those that never had a tag first, then the least recently changed; for lists of"
        " at most 10,000.",
        "SIZE": "What stores most bytes first; for lists of at most 10,000.",
        "SMALLEST_FIRST": "What stores the least bytes first; for lists of at most 10,000.",
    },
    "RepositoryRole": {
        "READ": "To see it and to pull.",
        "WRITE": "Also to push, and to change tags.",
        "ADMIN": "Also to administer it.",
    },
    "RepositoryState": {
        "NORMAL": "Whoever has the role may write.",
        "READ_ONLY": "Nobody may write.",
        "MIRROR": "Only what its mirror brings is written.",
        "ORG_MIRROR": "Only what the mirror of its organization brings is written.",
        "MARKED_FOR_DELETION": "It is being deleted.",
    },
    "RetentionRule": {
        "LOCKED_TAG": "An active tag that is locked.",
        "ACTIVE_TAG": "An active tag.",
        "TIME_MACHINE": "A tag that ended within the window of the time machine.",
        "GRACE_PERIOD": "A push in the last two days, since the client may be about to push what names it.",
        "INDEX": "An index that lists it and is kept itself.",
        "SUBJECT": "What it is about, which is kept itself.",
        "NEVER_TAGGED": "It never had a tag, nor had what lists it or what it is about.",
    },
    "RobotOrder": {
        "NAME": "By name.",
        "LAST_ACCESSED_AT": "The most recently used first, those that never were last.",
        "UNUSED_FIRST": "Those that were never used first, then the least recently used.",
    },
    "Scope": {scope.name: row.description for scope, row in SCOPES.items()},
    "SearchKind": {
        "REPOSITORY": "Repositories that the viewer may see.",
        "ORGANIZATION": "Organizations.",
        "USER": "Users.",
        "TEAM": "Teams of the viewer's organizations.",
        "ROBOT": "Robots of the viewer's namespaces.",
    },
    "TagAction": {
        "CREATE": "It is made, since there is none of this name.",
        "MOVE": "It points to another manifest.",
        "DELETE": "It ends.",
        "EXPIRE": "Its expiration is set or removed.",
    },
    "TagChangeKind": {
        "CREATED": "It was made.",
        "MOVED": "It was pointed to another manifest.",
        "REVERTED": "It was restored to an earlier manifest.",
        "DELETED": "It was deleted.",
        "EXPIRED": "Its expiration came.",
    },
    "TagDifferenceKind": {
        "ADDED": "It is there only at the second moment.",
        "REMOVED": "It is there only at the first moment.",
        "MOVED": "It points elsewhere at the second moment.",
    },
    "TagEnding": {
        "EXPIRATION": "Its expiration.",
        "PRUNE_POLICY": "An auto-prune policy, at its next run as things are.",
    },
    "TagPlanKind": {
        "DELETE": "Delete tags.",
        "EXPIRE": "Set or remove the expiration of tags.",
        "MOVE": "Point tags to one manifest.",
        "ROLLBACK": "Bring all tags back to an earlier moment.",
    },
    "TeamRole": {
        "MEMBER": "To be listed, and to see teams and robots.",
        "CREATOR": "Also to create repositories.",
        "ADMIN": "Also to administer the organization.",
    },
    "Visibility": {"PUBLIC": "Everybody may pull.", "PRIVATE": "Whoever has a permission may pull."},
}


def describe_values(schema: GraphQLSchema) -> None:
    """Give every value of every enum its sentence. Raises `KeyError` for one that has none."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLEnumType) and not type_.name.startswith("__"):
            for name, value in type_.values.items():
                value.description = VALUES[type_.name][name]
