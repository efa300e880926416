"""GraphQL documents for teams, and helpers that read members and events."""

from storage.statements import fetch
from tests.schema.client import GraphQL

TEAM = """query ($team: String!) { organization(name: "acme") { team(name: $team) {
  name role description memberCount repositoryCount viewerCanView viewerCanAdminister
  avatar { name kind } organization { name } } } }"""
MEMBERS = """query ($first: Int!, $after: Cursor, $invited: Boolean!) {
  organization(name: "acme") { team(name: "crew") { members(
    first: $first, after: $after, includeInvited: $invited
  ) { totalCount pageInfo { nextCursor } nodes { isInvited inviter { name } subject {
    __typename ... on User { name } ... on Robot { name } ... on InvitedAddress { email } } } } } } }"""
ADD = """mutation ($team: String!, $account: String!) {
  teamMemberAdd(organization: "acme", team: $team, account: $account) {
    account { name } isInvited errors { code field message } } }"""
REMOVE = """mutation ($team: String!, $account: String!) {
  teamMemberRemove(organization: "acme", team: $team, account: $account) {
    name errors { code field message } } }"""
EXPEL = """mutation ($account: String!) {
  organizationMemberRemove(organization: "acme", account: $account) {
    name errors { code field message } } }"""
INVITE = """mutation ($email: String!) {
  teamInviteCreate(organization: "acme", team: "crew", email: $email) {
    address { email avatar { kind } } errors { code field message } } }"""


async def subjects(client: GraphQL, *, invited: bool = True) -> list[str]:
    """The members of `crew`, and the invited with a question mark."""
    data = await client.data(MEMBERS, first=100, after=None, invited=invited)
    nodes = data["organization"]["team"]["members"]["nodes"]
    return [(row["subject"].get("name") or row["subject"]["email"]) + "?" * row["isInvited"] for row in nodes]


async def kinds() -> list[str]:
    """The kinds of the events of teams, in order."""
    rows = await fetch("SELECT kind FROM event WHERE kind LIKE 'org_%' ORDER BY id")
    return [row["kind"] for row in rows if row["kind"] != "org_create"]
