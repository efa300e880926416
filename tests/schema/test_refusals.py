"""Access: a table of operations and callers. Denied and absent objects must give the same answer.

Every caller tries every operation, through the endpoint.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts.grantee import GranteeKind
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL, endpoint

CALLERS = {
    "anonymous": "nobody signed in",
    "outsider": "a user without any grant",
    "reader": "a user with the role read on acme/app",
    "writer": "a user with the role write on acme/app",
    "keeper": "a user with the role admin on acme/app",
    "member": "in a team of acme with the role member, which may write to acme/app",
    "maker": "in a team of acme with the role creator",
    "owner": "in the team owners of acme",
    "robot": "the robot acme+bot, with the role read on acme/app",
    "read": "owner with a token of repo:read",
    "write": "owner with a token of repo:write",
    "create": "owner with a token of repo:create",
    "user": "owner with a token of user:admin",
    "org": "owner with a token of org:admin",
    "super": "a superuser where superusers see no more than others",
    "full": "a superuser where superusers have full access",
}

GRANT = 'repository: "acme/app", grantee: { kind: USER, name: "guest" }'
DEFAULT = 'organization: "acme", input: { role: READ, delegate: { kind: USER, name: "guest" } }'

OPERATIONS = {
    "public": 'query { repository(path: "acme/public") { tags { nodes { name } } } }',
    "see": 'query { repository(path: "acme/app") { path tags { nodes { manifest { digest } } } } }',
    "absent": 'query { repository(path: "acme/absent") { path } }',
    "elsewhere": 'query { repository(path: "nowhere/absent") { path } }',
    "permissions": 'query { repository(path: "acme/public") { permissions { totalCount } } }',
    "namespace": 'query { namespace(name: "acme") { name } }',
    "no namespace": 'query { namespace(name: "nowhere") { name } }',
    "teams": 'query { organization(name: "acme") { teams { totalCount } } }',
    "settings": 'query { organization(name: "acme") { settings { email } } }',
    "counts": 'query { organization(name: "acme") { repositoryCount memberCount } }',
    "all organizations": "query { organizations { totalCount } }",
    "rename": """mutation { organizationUpdate(organization: "nowhere", input: { name: "new" }) {
        errors { code } } }""",
    "set as superuser": """mutation {
        organizationUpdate(organization: "acme", isBySuperuser: true, input: {}) { errors { code } } }""",
    "describe": """mutation { repositoryUpdate(repository: "acme/app", input: { description: "x" }) {
        errors { code } } }""",
    "tag": """mutation { tagUpdate(repository: "acme/app", tag: "v1", input: { isImmutable: true }) {
        errors { code } } }""",
    "untag": 'mutation { tagDelete(repository: "acme/app", tag: "none") { errors { code } } }',
    "restore": """mutation ($d: Digest!) { tagRestore(repository: "acme/app", tag: "v2", manifestDigest: $d) {
        errors { code } } }""",
    "open": """mutation { repositoryVisibilityChange(repository: "acme/app", visibility: PRIVATE) {
        errors { code } } }""",
    "freeze": """mutation { repositoryStateChange(repository: "acme/app", state: NORMAL) {
        errors { code } } }""",
    "grant": f"mutation {{ repositoryPermissionSet({GRANT}, role: READ) {{ errors {{ code }} }} }}",
    "revoke": f"mutation {{ repositoryPermissionDelete({GRANT}) {{ errors {{ code }} }} }}",
    "who": 'query { repository(path: "acme/app") { access { nodes { role } } } }',
    "why": 'query { explainAccess(repository: "acme/app", account: "guest") { role } }',
    "one permission": """query { repository(path: "acme/app") {
        permission(grantee: { kind: USER, name: "guest" }) { role } } }""",
    "grants": 'query { repository(path: "acme/app") { grants(account: "guest") { role } } }',
    "own access": 'query { explainAccess(repository: "acme/app") { role } }',
    "defaults": 'query { organization(name: "acme") { permissionPrototypes { totalCount } } }',
    "add default": f"""mutation {{ permissionPrototypeCreate({DEFAULT}) {{ errors {{ code }} }} }}""",
    "change default": """mutation { permissionPrototypeUpdate(organization: "acme", prototype: "none",
        input: { role: READ }) { errors { code } } }""",
    "drop default": """mutation { permissionPrototypeDelete(organization: "acme", prototype: "none") {
        errors { code } } }""",
    "drop nothing": """mutation { permissionPrototypeDelete(organization: "nowhere", prototype: "none") {
        errors { code } } }""",
    "delete": 'mutation { repositoryDelete(repository: "acme/app") { errors { code } } }',
    "create": """mutation { repositoryCreate(input: { namespace: "acme", name: "new" }) {
        errors { code } } }""",
    "robot": 'mutation { robotCreate(input: { owner: "acme", shortName: "new" }) { errors { code } } }',
    "robots": 'query { namespace(name: "acme") { robots { nodes { name } } } }',
    "own robots": "query { namespace { robots { totalCount } } }",
    "one robot": 'query { namespace(name: "acme") { robot(shortName: "bot") { token } } }',
    "no robots": 'query { namespace(name: "nowhere") { robots { totalCount } } }',
    "new token": 'mutation { robotTokenRegenerate(owner: "acme", shortName: "no") { errors { code } } }',
    "drop robot": 'mutation { robotDelete(owner: "acme", shortName: "none") { errors { code } } }',
    "drop no robot": 'mutation { robotDelete(owner: "nowhere", shortName: "x") { errors { code } } }',
    "trust": """mutation { robotFederationSet(owner: "acme", shortName: "bot", identities: []) {
        errors { code } } }""",
    "trust nobody": """mutation { robotFederationClear(owner: "acme", shortName: "bot") {
        errors { code } } }""",
    "own robot": 'mutation { robotCreate(input: { shortName: "own" }) { errors { code } } }',
    "app token": 'mutation { appTokenCreate(input: { title: "laptop" }) { errors { code } } }',
    "found": 'mutation { organizationCreate(input: { name: "fresh" }) { errors { code } } }',
    "configure": 'mutation { organizationUpdate(organization: "acme", input: {}) { errors { code } } }',
    "configure nothing": """mutation { organizationUpdate(organization: "nowhere", input: {}) {
        errors { code } } }""",
    "team": 'query { organization(name: "acme") { team(name: "members") { name } } }',
    "crew": 'query { organization(name: "acme") { team(name: "members") { members { totalCount } } } }',
    "roles": 'query { organization(name: "acme") { team(name: "members") { permissions { totalCount } } } }',
    "people": 'query { organization(name: "acme") { members { totalCount } } }',
    "person": 'query { organization(name: "acme") { member(name: "member") { account { name } } } }',
    "outsiders": 'query { organization(name: "acme") { collaborators { totalCount } } }',
    "new team": """mutation { teamCreate(organization: "acme", input: { name: "makers", role: ADMIN }) {
        errors { code } } }""",
    "set team": """mutation { teamSet(organization: "acme", team: "members", input: { role: MEMBER }) {
        errors { code } } }""",
    "change team": """mutation { teamUpdate(organization: "acme", team: "members", input: {}) {
        errors { code } } }""",
    "drop team": 'mutation { teamDelete(organization: "acme", team: "none") { errors { code } } }',
    "drop no team": 'mutation { teamDelete(organization: "nowhere", team: "none") { errors { code } } }',
    "join": """mutation { teamMemberAdd(organization: "acme", team: "members", account: "guest") {
        errors { code } } }""",
    "leave": """mutation { teamMemberRemove(organization: "acme", team: "members", account: "guest") {
        errors { code } } }""",
    "invite": """mutation { teamInviteCreate(organization: "acme", team: "members", email: "a@b.cd") {
        errors { code } } }""",
    "call off": """mutation { teamInviteDelete(organization: "acme", team: "members", email: "a@b.cd") {
        errors { code } } }""",
    "expel": """mutation { organizationMemberRemove(organization: "acme", account: "guest") {
        errors { code } } }""",
    "invitations": "query { viewer { teamInvites { totalCount } } }",
    "ask to mail": """mutation { authorizedEmailRequest(owner: { repository: "acme/app" }, email: "a@b.cd") {
        errors { code } } }""",
    "mailed": 'query { repository(path: "acme/public") { authorizedEmails { totalCount } } }',
    "one mailed": 'query { repository(path: "acme/public") { authorizedEmail(email: "a@b.cd") { email } } }',
    "mail no more": """mutation { authorizedEmailDelete(owner: { namespace: "acme" }, email: "a@b.cd") {
        errors { code } } }""",
    "bell": "query { viewer { inbox { totalCount } } }",
    "unread": "query { viewer { unreadNoticeCount } }",
    "put away": """mutation { inboxNoticeUpdate(notice: "none", input: { isDismissed: true }) {
        errors { code } } }""",
    "put all away": "mutation { inboxClear { errors { code } } }",
    "accept": 'mutation { teamInviteAccept(invite: { code: "none" }) { errors { code } } }',
    "decline": 'mutation { teamInviteDecline(invite: { code: "none" }) { errors { code } } }',
    "mails": "query { mails { totalCount } }",
    "jobs": "query { jobs { totalCount } }",
    "cancel a job": 'mutation { jobCancel(job: "none") { errors { code } } }',
    "try a job again": 'mutation { jobRetry(job: "none") { errors { code } } }',
    "operations": "query { site { operations { version } } }",
    "be read-only": "mutation { siteReadOnlySet(input: { isReadOnly: true }) { errors { code } } }",
    "site": "query { site { hasMailServer } }",
    "quota": 'query { namespace(name: "acme") { quota { limitBytes } } }',
    "stored quota": 'query { organization(name: "acme") { storage { quota { limitBytes } } } }',
    "own quota": "query { namespace { quota { limitBytes } } }",
    "quotas": "query { quotas { totalCount } }",
    "quotas of nobody": 'query { quotas(owner: "nowhere") { totalCount } }',
    "give a quota": """mutation { quotaCreate(owner: "nowhere", input: { limit: 1 }) {
        errors { code } } }""",
    "change the quota": 'mutation { quotaUpdate(owner: "acme", input: {}) { errors { code } } }',
    "take the quota": 'mutation { quotaDelete(owner: "acme", number: 0) { errors { code } } }',
    "limit": """mutation { quotaLimitCreate(owner: "acme", number: 0, input: { kind: REJECT, percent: 1 }) {
        errors { code } } }""",
    "change the limit": """mutation { quotaLimitUpdate(owner: "acme", limit: 0, input: {}) {
        errors { code } } }""",
    "take the limit": 'mutation { quotaLimitDelete(owner: "acme", limit: 0) { errors { code } } }',
    "cache": 'query { organization(name: "acme") { proxyCache { upstreamRegistry } } }',
    "no cache": 'query { namespace(name: "nowhere") { proxyCache { upstreamRegistry } } }',
    "follow": """mutation { proxyCacheCreate(organization: "acme", input: { upstreamRegistry: "?" }) {
        errors { code } } }""",
    "ask": """mutation { proxyCacheValidate(organization: "nowhere", input: { upstreamRegistry: "?" }) {
        errors { code } } }""",
    "follow no more": 'mutation { proxyCacheDelete(organization: "acme") { errors { code } } }',
    "mirror": 'query { organization(name: "acme") { mirror { registryUrl } } }',
    "mirror all": """mutation { organizationMirrorCreate(organization: "acme", input: { catalog: QUAY,
        registryUrl: "?", robot: "?", syncStartsAt: "2126-01-01T00:00:00Z", syncIntervalS: 60 }) {
        errors { code } } }""",
    "change all": """mutation { organizationMirrorUpdate(organization: "acme", input: {}) {
        errors { code } } }""",
    "mirror nothing": 'mutation { organizationMirrorDelete(organization: "acme") { errors { code } } }',
    "sync all": 'mutation { organizationMirrorSync(organization: "acme") { errors { code } } }',
    "cancel all": 'mutation { organizationMirrorSyncCancel(organization: "acme") { errors { code } } }',
    "verify": 'mutation { organizationMirrorVerify(organization: "acme") { errors { code } } }',
    "dissolve": 'mutation { organizationDelete(organization: "acme") { errors { code } } }',
}

U, F, ok = "UNAUTHENTICATED", "FORBIDDEN", None

# fmt: off
# The callers in the order above. Each does what it may in turn: when it is `org`'s turn to delete the
# organization, `owner` has done so.
TABLE = {
    #                    anon out read writ keep memb make ownr robo |read writ crea user  org |supr full
    "public":            [ok, ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok],
    "see":               [U,  F,   ok,  ok,  ok,  ok,  F,   ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok],
    "absent":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   ok,  ok,  F,   F,   F,   F,   ok],
    "elsewhere":         [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "permissions":       [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "namespace":         [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "no namespace":      [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "teams":             [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "settings":          [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  ok,  ok],
    "counts":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  ok,  ok],
    "all organizations": [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "rename":            [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "set as superuser":  [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "describe":          [U,  F,   F,   ok,  ok,  ok,  F,   ok,  F,   F,   ok,  F,   F,   F,   F,   ok],
    "tag":               [U,  F,   F,   ok,  ok,  ok,  F,   ok,  F,   F,   ok,  F,   F,   F,   F,   ok],
    "untag":             [U,  F,   F,   ok,  ok,  ok,  F,   ok,  F,   F,   ok,  F,   F,   F,   F,   ok],
    "restore":           [U,  F,   F,   ok,  ok,  ok,  F,   ok,  F,   F,   ok,  F,   F,   F,   F,   ok],
    "open":              [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "freeze":            [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "grant":             [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "revoke":            [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "who":               [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "why":               [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "one permission":    [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "grants":            [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "own access":        [U,  F,   ok,  ok,  ok,  ok,  F,   ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok],
    "defaults":          [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "add default":       [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "change default":    [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "drop default":      [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "drop nothing":      [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "delete":            [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "create":            [U,  F,   F,   F,   F,   F,   ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "robot":             [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "robots":            [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "own robots":        [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   ok,  ok,  ok,  ok,  ok],
    "one robot":         [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "no robots":         [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "new token":         [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "drop robot":        [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "drop no robot":     [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "trust":             [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "trust nobody":      [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "own robot":         [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  ok,  ok,  ok],
    "app token":         [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "found":             [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "configure":         [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "configure nothing": [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "team":              [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "crew":              [U,  F,   F,   F,   F,   ok,  F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "roles":             [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "people":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "person":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "outsiders":         [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "new team":          [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "set team":          [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "change team":       [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "drop team":         [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "drop no team":      [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "join":              [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "leave":             [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "invite":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "call off":          [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "expel":             [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "invitations":       [ok, ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "ask to mail":       [U,  F,   F,   F,   ok,  F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "mailed":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "one mailed":        [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   F,   F,   ok],
    "mail no more":      [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "bell":              [ok, ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "unread":            [ok, ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "put away":          [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "put all away":      [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "accept":            [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "decline":           [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   F,   ok,  F,   ok,  ok],
    "mails":             [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "jobs":              [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "cancel a job":      [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "try a job again":   [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "operations":        [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "be read-only":      [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "site":              [ok, ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  ok],
    "quota":             [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "stored quota":      [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  ok,  ok],
    "own quota":         [U,  ok,  ok,  ok,  ok,  ok,  ok,  ok,  F,   F,   F,   ok,  ok,  ok,  ok,  ok],
    "quotas":            [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "quotas of nobody":  [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "give a quota":      [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "change the quota":  [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "take the quota":    [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "limit":             [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "change the limit":  [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "take the limit":    [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok,  ok],
    "cache":             [U,  F,   F,   F,   F,   ok,  ok,  ok,  F,   F,   F,   ok,  F,   ok,  F,   ok],
    "no cache":          [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "follow":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "ask":               [U,  F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   F,   ok],
    "follow no more":    [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "mirror":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "mirror all":        [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "change all":        [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "mirror nothing":    [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "sync all":          [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "cancel all":        [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    "verify":            [U,  F,   F,   F,   F,   F,   F,   ok,  F,   F,   F,   F,   F,   ok,  F,   ok],
    # `owner` has deleted the organization of the robot by then, so its token is invalid.
    "dissolve":          [U,  F,   F,   F,   F,   F,   F,   ok,  U,   F,   F,   F,   F,   F,   F,   ok],
}
# fmt: on

SCOPED = {
    "read": Scope.REPO_READ,
    "write": Scope.REPO_WRITE,
    "create": Scope.REPO_CREATE,
    "user": Scope.USER_ADMIN,
    "org": Scope.ORG_ADMIN,
}
ROLES = {
    "reader": RepositoryRole.READ,
    "writer": RepositoryRole.WRITE,
    "keeper": RepositoryRole.ADMIN,
    "acme+bot": RepositoryRole.READ,
}


@pytest.fixture
async def digest(factory: Factory) -> str:
    """The organization acme and all callers; the digest of an image in acme/app."""
    for name in ("owner", "outsider", "reader", "writer", "keeper", "member", "maker", "guest"):
        await factory.user(name)
    for name in ("super", "full"):
        await factory.user(name + "user", is_superuser=True)
    await factory.organization("acme", owner="owner")
    await factory.robot("acme+bot", by="owner")
    for name in ("app", "public"):
        await factory.repository(f"acme/{name}", by="owner")
    await factory.team("acme", "members", TeamRole.MEMBER, ["member"])
    await factory.team("acme", "makers", TeamRole.CREATOR, ["maker"])
    await factory.grant("acme/app", "members", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="owner")
    for name, role in ROLES.items():
        await factory.grant("acme/app", name, role, by="owner")
    await factory.image("acme/public", b"layer", tag="v1")
    return await factory.image("acme/app", b"layer", tag="v1")


@pytest.fixture
async def callers(factory: Factory, digest: str) -> AsyncIterator[dict[str, GraphQL]]:
    """A client for each caller."""
    full = factory.with_features("SUPERUSERS_FULL_ACCESS")
    async with AsyncExitStack() as stack:
        plain = await stack.enter_async_context(endpoint(factory))
        await plain.with_token(await factory.token("owner")).payload(
            """mutation { repositoryVisibilityChange(repository: "acme/public", visibility: PUBLIC) {
                errors { code } } }"""
        )
        found = {"anonymous": plain}
        for name in CALLERS.keys() - {"anonymous"}:
            account = {"robot": "acme+bot", "super": "superuser", "full": "fulluser"} | dict.fromkeys(
                SCOPED, "owner"
            )
            scopes = frozenset({SCOPED[name]}) if name in SCOPED else EVERY_SCOPE
            client = plain if name != "full" else await stack.enter_async_context(endpoint(full))
            found[name] = client.with_token(await factory.token(account.get(name, name), scopes))
        yield found


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_each_caller_may_do_what_the_table_says(
    operation: str, callers: dict[str, GraphQL], digest: str
) -> None:
    variables = {"d": digest} if operation == "restore" else {}

    codes = {}
    for name in CALLERS:
        answer = await callers[name].answer(OPERATIONS[operation], **variables)
        found = {error["extensions"]["code"] for error in answer.get("errors", [])}
        codes[name] = found.pop() if found else None
        assert not found
        for error in answer.get("errors", []):
            told = error["extensions"]
            # Every refusal says what would do.
            assert told["reason"] in {"NOT_SIGNED_IN", "SCOPE", "ROLE", "SUPERUSER", "INVALID_CREDENTIALS"}
            if told["reason"] != "INVALID_CREDENTIALS":
                assert told["requiredScopes"]
                assert (told["reason"] == "NOT_SIGNED_IN") == (name == "anonymous")
            if told["reason"] == "SCOPE":
                assert not set(told["requiredScopes"]) & set(told["grantedScopes"])

    assert codes == dict(zip(CALLERS, TABLE[operation], strict=True))


async def test_denied_and_absent_look_the_same(callers: dict[str, GraphQL]) -> None:
    repository = "query ($p: RepositoryPath!) { repository(path: $p) { path } }"
    namespace = "query ($n: String!) { namespace(name: $n) { name } }"

    for name in ("anonymous", "outsider"):
        client = callers[name]
        denied = [
            await client.answer(repository, p=path) for path in ("acme/app", "acme/absent", "nowhere/absent")
        ]
        hidden = [await client.answer(namespace, n=owner) for owner in ("acme", "owner", "nowhere")]
        assert denied == [denied[0]] * 3
        assert hidden == [hidden[0]] * 3


async def test_mutations_refuse_the_absent_as_they_refuse_the_denied(callers: dict[str, GraphQL]) -> None:
    document = "mutation ($p: RepositoryPath!) { repositoryDelete(repository: $p) { path } }"

    for name in ("anonymous", "outsider", "reader", "writer"):
        answers = [
            await callers[name].answer(document, p=path)
            for path in ("acme/app", "acme/absent", "nowhere/absent")
        ]
        assert answers == [answers[0]] * 3


async def test_a_token_of_org_admin_alone_dissolves_an_organization(callers: dict[str, GraphQL]) -> None:
    answer = await callers["org"].data(OPERATIONS["dissolve"])

    assert answer == {"organizationDelete": {"errors": []}}


async def test_several_scopes_add_up_but_never_beyond_the_user(
    graphql: GraphQL, factory: Factory, digest: str
) -> None:
    document = """{ repository(path: "acme/app") { viewerRole } organization(name: "acme") { viewerRole } }"""

    async def roles(name: str, *scopes: Scope) -> tuple[str, str | None]:
        data = await graphql.with_token(await factory.token(name, frozenset(scopes))).data(document)
        return data["repository"]["viewerRole"], data["organization"]["viewerRole"]

    assert await roles("owner", Scope.REPO_READ) == ("READ", None)
    assert await roles("owner", Scope.REPO_READ, Scope.REPO_WRITE) == ("WRITE", None)
    assert await roles("owner", Scope.REPO_ADMIN, Scope.REPO_CREATE) == ("ADMIN", "CREATOR")
    assert await roles("owner", Scope.REPO_READ, Scope.ORG_ADMIN) == ("READ", "ADMIN")
    assert await roles("reader", Scope.REPO_ADMIN, Scope.ORG_ADMIN) == ("READ", None)
    assert await roles("member", Scope.REPO_ADMIN, Scope.ORG_ADMIN) == ("WRITE", "MEMBER")
