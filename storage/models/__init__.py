"""Tortoise models, one module per noun: columns and relations, no rules.

Times are integer milliseconds since the epoch (UTC), sizes are bytes. Names of tables are singular. What
two writers could break is held by a constraint of the database, not by a check in Python.
"""

from storage.models.account import Account, Robot
from storage.models.blob import Blob, RepositoryBlob, Upload
from storage.models.event import Event
from storage.models.job import Job, Lease
from storage.models.manifest import Manifest, ManifestBlob, ManifestBody, ManifestChild
from storage.models.permission import RepositoryPermission
from storage.models.repository import Repository
from storage.models.site import ServiceKey, SiteSetting
from storage.models.tag import Tag
from storage.models.team import Team, TeamMember
from storage.models.token import AccessToken, AppToken

__all__ = [
    "AccessToken",
    "Account",
    "AppToken",
    "Blob",
    "Event",
    "Job",
    "Lease",
    "Manifest",
    "ManifestBlob",
    "ManifestBody",
    "ManifestChild",
    "Repository",
    "RepositoryBlob",
    "RepositoryPermission",
    "Robot",
    "ServiceKey",
    "SiteSetting",
    "Tag",
    "Team",
    "TeamMember",
    "Upload",
]
