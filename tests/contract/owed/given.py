"""What is done before some of the writes, by their callers or others, with the facts that it leaves."""

from __future__ import annotations

from tests.contract.owed.rows import Request

PROTOTYPE = Request(
    (
        'permissionPrototypeCreate(organization: "acme", input: { role: READ, delegate: { kind: USER, name:'
        ' "guest" } })'
    ),
    keep={"proto": "prototype.uuid"},
)
DESCRIBED = Request('repositoryUpdate(repository: "acme/app", input: { description: "x" })')
STARRED = Request('repositoryStar(repository: "acme/app")', by="reader")
POLICY = Request(
    'immutabilityPolicyCreate(owner: { repository: "acme/app" }, input: { tagPattern: "^rel-.*" })',
    keep={"policy": "policy.uuid"},
)
POLICY_OF_ACME = Request(
    'immutabilityPolicyCreate(owner: { namespace: "acme" }, input: { tagPattern: "^lts-.*" })',
    keep={"policy": "policy.uuid"},
)
PULLS = Request('pullPolicySet(owner: { repository: "acme/app" }, input: { mode: WARN, minSeverity: LOW })')
PULLS_OF_ACME = Request(
    'pullPolicySet(owner: { namespace: "acme" }, input: { mode: WARN, minSeverity: LOW })'
)
OVERLOOKED = Request(
    'pullExceptionSet(owner: { repository: "acme/app" }, input: { advisory: "CVE-1", reason: "No.",'
    ' endsAt: "2099-01-01T00:00:00Z" })'
)
PRUNING = Request(
    'prunePolicyCreate(owner: { repository: "acme/app" }, input: { method: NUMBER_OF_TAGS, value: 10 })',
    keep={"policy": "policy.uuid"},
)
PRUNING_OF_ACME = Request(
    'prunePolicyCreate(owner: { namespace: "acme" }, input: { method: NUMBER_OF_TAGS, value: 10 })',
    keep={"policy": "policy.uuid"},
)
OWN_PRUNING = Request(
    "prunePolicyCreate(input: { method: NUMBER_OF_TAGS, value: 10 })", keep={"policy": "policy.uuid"}
)
PLAN_TO_PRUNE = Request(
    'autoPrunePlan(owner: { repository: "acme/app" },'
    ' policy: { draft: { method: NUMBER_OF_TAGS, value: 1, tagPattern: "^v" } })',
    by="keeper",
    keep={"plan": "plan.id"},
)
MIRROR = Request(
    'mirrorCreate(repository: "acme/app", input: { source: "9.9.9.9/team/app", robot: "acme+bot",'
    ' syncIntervalS: 3600, syncStartsAt: "<soon>",'
    ' rule: { ruleKind: TAG_GLOB_CSV, ruleValue: ["v*"] } })'
)
ORGANIZATION_MIRROR = Request(
    'organizationMirrorCreate(organization: "acme", input: { catalog: CATALOG, registryUrl: "https://9.9.9.9",'
    ' namespace: "team", robot: "acme+bot", syncIntervalS: 3600, syncStartsAt: "<soon>" })'
)
ORGANIZATION_MIRROR_ORDERED = Request('organizationMirrorSync(organization: "acme")')
MIRROR_ORDERED = Request('mirrorSync(repository: "acme/app")')
MOVED = Request('tagUpdate(repository: "acme/app", tag: "v1", input: { manifestDigest: "<v2>" })')
PLAN_TO_DELETE = Request(
    'tagsDeletePlan(repository: "acme/app", filter: { namePattern: "v1" })',
    by="write",
    keep={"plan": "plan.id"},
)
PLAN_TO_EXPIRE = Request(
    'tagsExpirePlan(repository: "acme/app", filter: { namePattern: "v?" }, expiresAt: "<soon>")',
    by="writer",
    keep={"plan": "plan.id"},
)
PLAN_TO_MOVE = Request(
    'tagsMovePlan(repository: "acme/app", filter: { namePattern: "v1" }, manifestDigest: "<v2>")',
    by="writer",
    keep={"plan": "plan.id"},
)
PLAN_TO_ROLL_BACK = Request(
    'repositoryRollbackPlan(repository: "acme/app", to: "<then>")', by="writer", keep={"plan": "plan.id"}
)
LABEL = Request(
    'manifestLabelCreate(repository: "acme/app", manifest: "<v1>", input: { key: "k", value: "old" })',
    keep={"label": "label.uuid"},
)
INVITED = Request('teamMemberAdd(organization: "acme", team: "members", account: "guest")')
INVITED_BY_MAIL = Request('teamInviteCreate(organization: "acme", team: "members", email: "a@b.cd")')
FEDERATION = Request(
    'robotFederationSet(owner: "acme", shortName: "bot", identities: [{ issuer: "https://ci.example",'
    ' subject: "job" }])'
)
APP_TOKEN = Request('appTokenCreate(input: { title: "laptop" })', keep={"uuid": "appToken.uuid"})
APPLICATION = Request(
    'applicationCreate(organization: "acme", input: { name: "Helm" })', keep={"helm": "application.clientId"}
)
TOKEN = Request(
    (
        'applicationTokenCreate(organization: "acme", clientId: "<helm>", input: { title: "t", scope:'
        ' "org:admin" })'
    ),
    keep={"uuid": "accessToken.uuid"},
)
OFFER = Request(
    (
        'tokenAssignmentCreate(organization: "acme", clientId: "<helm>", input: { username: "owner", scope:'
        ' "repo:read" })'
    ),
    keep={"uuid": "tokenAssignment.uuid"},
)
SIGNED_UP = Request(
    'userSignUp(input: { username: "eve", password: "correct-horse", email: "eve@example.com" })',
    by="anonymous",
)
NEW_ADDRESS = Request('userUpdate(input: { email: "new@example.com" })', by="session")
RECOVERY = Request('passwordRecoveryRequest(email: "guest@example.com")', by="anonymous")
JOB_CANCELLED = Request('jobCancel(job: "<job>")', by="super")
READ_ONLY = Request("siteReadOnlySet(input: { isReadOnly: true })", by="super")
MESSAGE = Request(
    'globalMessageCreate(input: { content: "c", mediaType: "text/plain", severity: INFO })',
    by="super",
    keep={"uuid": "message.uuid"},
)
OWN_FEDERATION = Request(
    'robotFederationSet(shortName: "own", identities: [{ issuer: "https://ci.example", subject: "job" }])'
)
UPLOAD = Request("/v2/acme/app/blobs/uploads/", "POST", by="writer", keep={"location": "Location:"})
ROBOT_MAY_WRITE = Request(
    'repositoryPermissionSet(repository: "acme/app", grantee: { kind: USER, name: "acme+bot" }, role: WRITE)'
)
ADDRESS_INVITED = Request(
    'teamInviteCreate(organization: "acme", team: "members", email: "guest@example.com")'
)
MEMBER_INVITED = Request(
    'teamInviteCreate(organization: "acme", team: "members", email: "member@example.com")'
)
RECOVERY_OF_OWNER = Request('passwordRecoveryRequest(email: "owner@example.com")', by="anonymous")
EXPIRING = Request('tagUpdate(repository: "acme/app", tag: "v1", input: { expiresAt: "<soon>" })')
PUBLIC_DELETED = Request('repositoryDelete(repository: "acme/public")')
ADDRESS_ASKED = Request('authorizedEmailRequest(owner: { repository: "acme/app" }, email: "a@b.cd")')
QUOTA = Request(
    'quotaCreate(owner: "acme", input: { limit: "1 GiB" })', by="super", keep={"quota": "quota.number"}
)
QUOTA_LIMIT = Request(
    'quotaLimitCreate(owner: "acme", input: { kind: WARNING, percent: 80 })',
    by="super",
    keep={"limit": "limit.number"},
)
PROXY_CACHE = Request(
    'proxyCacheCreate(organization: "acme", input: { upstreamRegistry: "localhost:1", isInsecure: true })'
)
UNLOCKED = Request('tagUpdate(repository: "acme/app", tag: "locked", input: { isImmutable: false })')
