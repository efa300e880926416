"""Feature flags, which an operator sets with `QUAYSIDE_FEATURE_<FLAG>=true|false`.

A route whose flag is off answers 404. Flags that widen rights or restrict users are off by default.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Feature:
    """One flag: its name, its default, and its description for the documentation."""

    name: str
    default: bool
    sentence: str


FEATURES: Final = (
    Feature(
        "AGGREGATED_LOG_COUNT_RETRIEVAL", True, "Counts of log entries per day and kind can be asked for."
    ),
    Feature("ANONYMOUS_ACCESS", True, "Callers without credentials may see what is public."),
    Feature(
        "APP_SPECIFIC_TOKENS", True, "Users may make tokens that stand in for their password in one program."
    ),
    Feature(
        "ASSIGN_OAUTH_TOKEN", True, "An organization may make an OAuth token that acts for another user."
    ),
    Feature("AUTO_PRUNE", True, "Policies may delete old tags by number or age."),
    Feature("BILLING", False, "Plans limit how many private repositories an account may have."),
    Feature("BROWSER_API_CALLS_XHR_ONLY", False, "Browsers must mark their API calls as script calls."),
    Feature("BUILD_SUPPORT", True, "Images can be built from source, on request or by a trigger."),
    Feature("CHANGE_TAG_EXPIRATION", True, "Accounts may choose how long deleted tags stay restorable."),
    Feature("EDIT_QUOTA", True, "Superusers may change the quotas of users and organizations."),
    Feature("EXTENDED_REPOSITORY_NAMES", True, "Repository names may hold slashes."),
    Feature("IMAGE_EXPIRY_TRIGGER", True, "Notifications may tell of tags that are about to expire."),
    Feature("IMAGE_PULL_STATS", True, "How often a tag or a manifest was pulled can be asked for."),
    Feature("IMMUTABLE_TAGS", True, "Tags can be locked against being moved or deleted."),
    Feature(
        "IMMUTABLE_TAGS_CAN_EXPIRE",
        False,
        "Locked tags may expire; where they may not, a tag has a lock or an expiration.",
    ),
    Feature(
        "LIBRARY_SUPPORT", True, "A repository named without a namespace belongs to the namespace library."
    ),
    Feature("LOG_EXPORT", True, "Logs can be exported to a file."),
    Feature("MAILING", True, "Mail is sent, if a mail server is set."),
    Feature("ORG_MIRROR", True, "All repositories of an organization can be mirrored from another registry."),
    Feature("ORG_SHARED_EMAIL", False, "Several organizations may share one e-mail address."),
    Feature(
        "PARTIAL_USER_AUTOCOMPLETE", True, "Looking for users finds them by the beginning of their name."
    ),
    Feature("PROXY_CACHE", True, "An organization can be a pull-through cache of another registry."),
    Feature("PUBLIC_CATALOG", False, "The catalog of the registry lists public repositories to everyone."),
    Feature("QUOTA_MANAGEMENT", True, "Storage used by namespaces is counted and can be limited."),
    Feature("QUOTA_NOTIFICATIONS", True, "Notifications may tell of a quota that is nearly or fully used."),
    Feature("RATE_LIMITS", False, "Requests of one client are limited in number per second."),
    Feature("READER_BUILD_LOGS", False, "Those who may pull from a repository may read its build logs."),
    Feature("RECAPTCHA", False, "Signing up asks for proof of being a person."),
    Feature(
        "REFERRERS_API", True, "Signatures and other artifacts can be listed by the image they refer to."
    ),
    Feature("REPO_MIRROR", True, "A repository can be mirrored from another registry."),
    Feature("REQUIRE_TEAM_INVITE", True, "New members of a team must accept an invitation."),
    Feature(
        "RESTRICTED_USERS", False, "Users may not create organizations, robots or repositories of their own."
    ),
    Feature("SECURITY_SCANNER", True, "Images are scanned for what is in them."),
    Feature("SIGNING", False, "Repositories may demand signed content."),
    Feature("SPARSE_INDEX", False, "An index may name images that the registry does not hold."),
    Feature(
        "SUPERUSERS_FULL_ACCESS", False, "Superusers may read and change the content of every namespace."
    ),
    Feature("SUPERUSERS_ORG_CREATION_ONLY", False, "Only superusers may create organizations."),
    Feature("SUPERUSER_CONFIGDUMP", True, "Superusers may read the settings of the running server."),
    Feature("SUPER_USERS", True, "Superusers exist, with their part of the API."),
    Feature("TEAM_SYNCING", False, "Members of a team can follow a group of an outside directory."),
    Feature("USER_CREATION", True, "Anybody may sign up; while mail is on, they must confirm their address."),
    Feature("USER_INITIALIZE", True, "The first user can be made over the API while there is none."),
    Feature("USER_LAST_ACCESSED", True, "When users and robots were last used is kept and shown."),
    Feature("USER_RENAME", False, "Users may change their name, and with it that of their namespace."),
)

NOT_THERE: Final = frozenset(
    {
        "BILLING",
        "RECAPTCHA",
        "SIGNING",
        "TEAM_SYNCING",
    }
)
"""Features of which there is nothing yet, whatever is set: web interfaces are told that they are off."""
