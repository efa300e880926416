"""What each value of an enum means. One table, so that no value stays without a word."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import strawberry
from graphql import GraphQLEnumType, GraphQLSchema

from resolvers.access.scopes import SCOPES
from resolvers.event_kinds import KINDS
from resolvers.notifications.kinds import EVENTS
from resolvers.notifications.method_table import METHODS

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
    "READ_ONLY": "The registry is in read-only mode, which suspends every mutation. Top-level.",
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
    "ConfigSetting": {
        "ENTRYPOINT": "The program that runs, with arguments.",
        "CMD": "Arguments of the entry point, or the program.",
        "SHELL": "The shell of commands that are one text.",
        "USER": "The user as whom it runs.",
        "WORKING_DIR": "The directory in which it runs.",
        "STOP_SIGNAL": "The signal that ends it.",
        "HEALTHCHECK": "The command that tells whether it works.",
        "ENV": "A variable of the environment.",
        "LABEL": "A label.",
        "EXPOSED_PORT": "A port at which it listens, such as `80/tcp`.",
        "VOLUME": "A directory whose content is kept elsewhere.",
        "ONBUILD": "What is done first in builds on this image.",
        "OS": "The operating system.",
        "OS_VERSION": "The version of the operating system.",
        "ARCHITECTURE": "The processor.",
        "VARIANT": "The variant of the processor.",
        "CREATED": "When the image was made.",
        "AUTHOR": "Who made it.",
    },
    "DiffChange": {
        "ADDED": "Only the second image has it.",
        "REMOVED": "Only the first image has it.",
        "CHANGED": "Both have it, and it differs.",
    },
    "DiffPart": {
        "CONFIG": "Configurations.",
        "LAYERS": "Layers.",
        "FILES": "Files.",
        "PACKAGES": "Packages.",
        "VULNERABILITIES": "Vulnerabilities.",
    },
    "VulnerabilityChange": {
        "NEW": "Only the second image has it.",
        "GONE": "Only the first image has it.",
        "STAYING": "Both have it.",
    },
    "ErrorCode": ERROR_CODES,
    "EventKind": {name: kind.sentence for name, kind in KINDS.items()},
    "FileType": {
        "FILE": "A regular file.",
        "DIRECTORY": "A directory.",
        "SYMLINK": "A symbolic link.",
        "HARD_LINK": "Another name of a regular file.",
        "DEVICE": "A device.",
        "FIFO": "A named pipe.",
    },
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
    "InboxNoticeKind": {
        "REPO_PUSH": "Tags were pushed.",
        "BUILD_QUEUED": "A build waits.",
        "BUILD_START": "A build has begun.",
        "BUILD_SUCCESS": "A build has pushed its image.",
        "BUILD_FAILURE": "A build has failed.",
        "BUILD_CANCELLED": "A build was cancelled.",
        "BUILD_TRIGGER_DISABLED": "A build trigger was disabled, since its builds failed in a row.",
        "VULNERABILITY_FOUND": "An image has a known vulnerability.",
        "REPO_MIRROR_SYNC_STARTED": "A mirror has begun to copy.",
        "REPO_MIRROR_SYNC_SUCCESS": "A mirror is as its upstream.",
        "REPO_MIRROR_SYNC_FAILED": "A mirror could not copy all.",
        "REPO_IMAGE_EXPIRY": "Tags are about to expire.",
        "QUOTA_WARNING": "A namespace has reached a Warning limit of its quota.",
        "QUOTA_ERROR": "A namespace has no room left below a Reject limit of its quota.",
        "ORG_TEAM_INVITE": "The user is invited into a team.",
        "SERVICE_KEY_SUBMITTED": "A service sent a key, which waits for the approval of a superuser.",
    },
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
    "SbomFormat": {
        "SPDX": "SPDX; the registry writes 2.3.",
        "CYCLONEDX": "CycloneDX; the registry writes 1.6.",
    },
    "PackageSource": {
        "FOUND": "A scan has found it.",
        "SBOM": "Bills of materials that somebody has attached name it, and no scan has found it.",
    },
    "AttachedSbomState": {
        "QUEUED": "It waits to be read.",
        "READ": "It was read.",
        "FAILED": "It could not be read.",
        "OWN": "The registry has made it of what it found, and does not read it back.",
    },
    "PullMode": {
        "AUDIT": "It goes on, and the audit log tells of it.",
        "WARN": "It goes on with a warning to the client, and the audit log tells of it.",
        "ENFORCE": "It is refused, and the audit log tells of it.",
    },
    "PullOutcome": {
        "ALLOWED": "No policy is against it.",
        "NOTED": "It goes on, and the audit log tells of it.",
        "WARNED": "It goes on with a warning to the client.",
        "REFUSED": "It is refused.",
    },
    "ScanState": {
        "QUEUED": "It waits for its scan, or for its layers.",
        "SCANNED": "It is known.",
        "UNSUPPORTED": "It cannot be known: it is no image, or its layers are nothing that can be read.",
        "FAILED": "A layer could not be read, since it is damaged or took more than the limits allow.",
        "LAYER_TOO_LARGE": "A layer is larger than what is read.",
    },
    "PackageEcosystem": {
        "DEB": "Debian and what comes from it.",
        "APK": "Alpine and Wolfi.",
        "RPM": "Fedora, Red Hat, SUSE and others.",
        "PYPI": "Python.",
        "NPM": "JavaScript.",
        "GO": "Modules of Go.",
        "MAVEN": "Java.",
        "GEM": "Ruby.",
        "CARGO": "Rust.",
    },
    "MirrorArchitecture": {
        "AMD64": "Processors of PCs and servers, 64-bit x86.",
        "ARM64": "ARM of 64 bits.",
        "PPC64LE": "POWER of 64 bits, little-endian.",
        "S390X": "IBM Z of 64 bits.",
    },
    "MirrorRuleKind": {"TAG_GLOB_CSV": "By names of tags, or patterns for them."},
    "MirrorTagChange": {
        "ADDS": "It is made.",
        "MOVES": "It is moved to what it is at the source.",
        "KEEPS": "It stays, being the same at the source.",
        "REMOVES": "It ends, since the source has it no more.",
        "LOCKED": "It stays since it is locked, though it differs at the source.",
    },
    "BuildLogLineKind": {
        "PHASE": "The build enters the phase of this name.",
        "ERROR": "Why the build failed.",
    },
    "BuildTriggerService": {
        "GITHUB": "GitHub, and servers that send what it sends.",
        "GITLAB": "GitLab.",
        "BITBUCKET": "Bitbucket.",
        "CUSTOM_GIT": "Any Git repository; something of its owner's tells of pushes.",
    },
    "BuildTriggerDisabledReason": {
        "USER_TOGGLED": "An administrator disabled it.",
        "SUCCESSIVE_BUILD_FAILURES": "Its last 100 builds failed.",
        "SUCCESSIVE_BUILD_INTERNAL_ERRORS": "Its last 5 builds failed for reasons of the registry.",
    },
    "GitRefKind": {
        "BRANCH": "A branch.",
        "TAG": "A tag.",
    },
    "BuildPhase": {
        "WAITING": "It waits for a machine that builds.",
        "BUILD_SCHEDULED": "A machine has taken it.",
        "UNPACKING": "Its context is fetched and unpacked.",
        "PULLING": "Its base images are fetched.",
        "BUILDING": "The Dockerfile runs.",
        "PUSHING": "The image is pushed; it can no longer be cancelled.",
        "COMPLETE": "The image is there.",
        "ERROR": "It failed for a reason of its own.",
        "INTERNALERROR": "It failed for a reason of the registry's.",
        "CANCELLED": "Somebody cancelled it.",
    },
    "MirrorStatus": {
        "NEVER_RUN": "It has not run yet.",
        "SYNC_NOW": "It was told to run, and is about to.",
        "SYNCING": "It runs.",
        "SUCCESS": "Its last run brought all tags.",
        "FAIL": "Its last run left out something.",
        "CANCEL": "Its last run was cancelled.",
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
    "RegistryCatalog": {
        "CATALOG": "That of Docker's registry, `/v2/_catalog`: all that the account may see.",
        "HARBOR": "That of Harbor, for a project.",
        "QUAY": "That of Quay and Quayside, for an organization: what is public, or with the user name"
        " `$oauthtoken` what an OAuth token may see. Other accounts are asked by `CATALOG`.",
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
    "OrganizationOrder": {
        "NAME": "By name.",
        "CREATED_AT": "Oldest first.",
        "NEWEST_FIRST": "Newest first.",
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
    "SettingSource": {
        "FLAG": "On the command line.",
        "VARIABLE": "In a variable of the environment.",
        "FILE": "In the file that `QUAYSIDE_CONFIG` names.",
        "DEFAULT": "Nowhere; it is what it is by default.",
    },
    "SiteStatus": {
        "READY": "It has a user.",
        "SETUP_INCOMPLETE": "Its first user is still to be made.",
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
    "NotificationDeliveryStatus": {
        "WAITING": "It has not been tried, or is to be tried again.",
        "DELIVERED": "The receiver took it.",
        "FAILED": "The receiver did not take it within ten minutes.",
        "SKIPPED": "It was not tried, since three deliveries in a row had failed.",
    },
    "NotificationEvent": {row.event.name: row.sentence for row in EVENTS.values()},
    "NotificationMethod": {row.method.name: row.sentence for row in METHODS.values()},
    "ServiceKeyApprovalType": {
        "SUPERUSER": "A superuser.",
        "KEY_ROTATION": "The key before it.",
        "AUTOMATIC": "The registry itself, for its first key.",
    },
    "ServiceKeyState": {
        "PENDING": "It waits for approval, and nothing trusts it.",
        "APPROVED": "It is approved, and published.",
        "EXPIRED": "Its end has come, and nothing trusts it any more.",
    },
    "TeamRole": {
        "MEMBER": "To be listed, and to see teams and robots.",
        "CREATOR": "Also to create repositories.",
        "ADMIN": "Also to administer the organization.",
    },
    "UserOrder": {
        "NAME": "By name.",
        "CREATED_AT": "The oldest first.",
        "NEWEST_FIRST": "The newest first.",
        "LAST_ACCESSED_AT": "The most recently used first, those that never were last.",
        "UNUSED_FIRST": "Those that were never used first, then the least recently used.",
    },
    "UpstreamAccess": {
        "VALID": "The upstream accepts the login, or asks nobody for one.",
        "ANONYMOUS": "The upstream wants a login for some of its content, and none was given.",
    },
    "Visibility": {"PUBLIC": "Everybody may pull.", "PRIVATE": "Whoever has a permission may pull."},
    "VulnerabilitySeverity": {
        "CRITICAL": "A score of CVSS from 9.0, or a word like it.",
        "HIGH": "A score from 7.0, or a word like it.",
        "MEDIUM": "A score from 4.0, or a word like it.",
        "LOW": "A score from 0.1, or a word like it.",
        "NEGLIGIBLE": "A score of 0, or a distribution that finds it unimportant.",
        "UNKNOWN": "Nobody has rated it.",
    },
}


def describe_values(schema: GraphQLSchema) -> None:
    """Give every value of every enum its sentence. Raises `KeyError` for one that has none."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLEnumType) and not type_.name.startswith("__"):
            for name, value in type_.values.items():
                value.description = VALUES[type_.name][name]
