"""Tortoise models, one module per noun: columns and relations, no rules.

Times are integer milliseconds since the epoch (UTC), sizes are bytes. Names of tables are singular. What
two writers could break is held by a constraint of the database, not by a check in Python.
"""

from storage.models.account import Account, Robot, RobotFederation
from storage.models.activity import DailyActivity, ManifestPulls, TagPulls
from storage.models.application import Application, AuthorizationCode, TokenAssignment
from storage.models.audit import AuditDaily, AuditEntry
from storage.models.blob import Blob, RepositoryBlob, Upload
from storage.models.event import Event
from storage.models.job import Job, Lease
from storage.models.label import Label
from storage.models.mail import Mail
from storage.models.manifest import Manifest, ManifestBlob, ManifestBody, ManifestChild
from storage.models.message import GlobalMessage
from storage.models.permission import PermissionPrototype, RepositoryPermission
from storage.models.plan import Plan
from storage.models.policy import ImmutabilityPolicy
from storage.models.repository import Repository
from storage.models.session import EmailCode, Session, SignInFailure
from storage.models.site import ServiceKey, SiteSetting
from storage.models.star import Star
from storage.models.tag import Tag
from storage.models.team import Team, TeamInvite, TeamMember
from storage.models.token import AccessToken, AppToken

__all__ = [
    "AccessToken",
    "Account",
    "AppToken",
    "Application",
    "AuditDaily",
    "AuditEntry",
    "AuthorizationCode",
    "Blob",
    "DailyActivity",
    "EmailCode",
    "Event",
    "GlobalMessage",
    "ImmutabilityPolicy",
    "Job",
    "Label",
    "Lease",
    "Mail",
    "Manifest",
    "ManifestBlob",
    "ManifestBody",
    "ManifestChild",
    "ManifestPulls",
    "PermissionPrototype",
    "Plan",
    "Repository",
    "RepositoryBlob",
    "RepositoryPermission",
    "Robot",
    "RobotFederation",
    "ServiceKey",
    "Session",
    "SignInFailure",
    "SiteSetting",
    "Star",
    "Tag",
    "TagPulls",
    "Team",
    "TeamInvite",
    "TeamMember",
    "TokenAssignment",
    "Upload",
]
