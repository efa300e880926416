"""Addresses that somebody stores and others are shown: none that runs as a script where it is clicked."""

import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType

from schema import schema
from storage.statements import execute, fetch_one
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import dump

HELM = 'organization: "acme", clientId: $client'
DOCUMENTS = {
    "ApplicationCreateInput.applicationUri": """mutation ($uri: String!) {
        applicationCreate(organization: "acme", input: { name: "Other", applicationUri: $uri }) {
          application { clientId } errors { code field message } } }""",
    "ApplicationCreateInput.redirectUri": """mutation ($uri: String!) {
        applicationCreate(organization: "acme", input: { name: "Other", redirectUri: $uri }) {
          application { clientId } errors { code field message } } }""",
    "ApplicationUpdateInput.applicationUri": f"""mutation ($uri: String!, $client: String!) {{
        applicationUpdate({HELM}, input: {{ applicationUri: $uri }}) {{
          application {{ clientId }} errors {{ code field message }} }} }}""",
    "ApplicationUpdateInput.redirectUri": f"""mutation ($uri: String!, $client: String!) {{
        applicationUpdate({HELM}, input: {{ redirectUri: $uri }}) {{
          application {{ clientId }} errors {{ code field message }} }} }}""",
    "AuditLogExportInput.callbackUrl": """mutation ($uri: String!) {
        auditLogExport(owner: { namespace: "acme" }, input: { callbackUrl: $uri }) {
          exportId errors { code field message } } }""",
    "BuildRequestInput.archiveUrl": """mutation ($uri: String!) {
        buildRequest(repository: "acme/app", input: { archiveUrl: $uri }) {
          build { uuid } errors { code field message } } }""",
    "ExternalIdentityInput.issuer": """mutation ($uri: String!) {
        robotFederationSet(shortName: "bot", identities: [{ issuer: $uri, subject: "s" }]) {
          robot { name } errors { code field message } } }""",
    "TokenAssignmentCreateInput.redirectUri": f"""mutation ($uri: String!, $client: String!) {{
        tokenAssignmentCreate({HELM}, input: {{ username: "ada", scope: "repo:read", redirectUri: $uri }}) {{
          tokenAssignment {{ uuid }} errors {{ code field message }} }} }}""",
}
"""A mutation for each input of the schema that is an address of the web."""

REGISTRIES = {
    "OrganizationMirrorCreateInput.registryUrl",
    "OrganizationMirrorUpdateInput.registryUrl",
    "OrganizationMirrorVerifyInput.registryUrl",
}
"""Inputs that name a registry by its host, which `tests/schema/test_payload_errors.py` tries."""

IS_ADDRESS = re.compile(r"(?i).*(?:ur[il]|issuer|href|link|website|home_?page)s?")

REFUSED = [
    "javascript:alert(document.domain)",
    "JavaScript:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "java\nscript:alert(1)",
    "java\tscript:alert(1)",
    "javascript\r:alert(1)",
    "\x01javascript:alert(1)",
    "javascript://helm.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:https://helm.example/1",
    "file:///etc/passwd",
    "ftp://helm.example/",
    "http:helm.example",
    "https:///path",
    "helm.example:8080/path",
    "https://helm.example/\u2028",
]


@pytest.fixture
async def acme(ada: GraphQL, factory: Factory) -> GraphQL:
    """A client of `ada`, who administers `acme`, with `acme/app`, and has the robot `ada+bot`."""
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await factory.robot("ada+bot")
    return ada


async def client_id(client: GraphQL, **values: str) -> str:
    """The client id of a new application."""
    document = """mutation ($input: ApplicationCreateInput!) {
        applicationCreate(organization: "acme", input: $input) {
          application { clientId } errors { message } } }"""
    identity: str = (await client.payload(document, input={"name": "Helm"} | values))["application"][
        "clientId"
    ]
    return identity


def addresses() -> Iterator[str]:
    """The inputs of the schema that are addresses, of types and of fields."""
    for kind in schema._schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            yield from (f"{kind.name}.{name}" for name in kind.fields if IS_ADDRESS.fullmatch(name))
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                yield from (f"{kind.name}({name})" for name in field.args if IS_ADDRESS.fullmatch(name))


def test_every_input_that_is_an_address_is_tried() -> None:
    assert sorted(addresses()) == sorted({*DOCUMENTS, *REGISTRIES})


@pytest.mark.parametrize("uri", REFUSED)
async def test_an_address_that_is_not_of_the_web_is_refused(uri: str, acme: GraphQL) -> None:
    helm = await client_id(acme)
    before = await dump()

    for document in DOCUMENTS.values():
        variables = {"uri": uri} | ({"client": helm} if "$client" in document else {})
        code, field = await acme.payload_error(document, **variables)
        assert code == "INVALID"
        assert (field or "").rpartition(".")[2] in {
            "applicationUri",
            "archiveUrl",
            "redirectUri",
            "callbackUrl",
            "identities",
        }

    assert await dump() == before


@pytest.mark.parametrize(
    "uri", ["", "https://helm.example", "HTTP://Helm.example:8080/a?b#c", "tiller", "/tiller", "/a:b"]
)
async def test_an_address_of_the_web_is_kept_as_it_is(uri: str, acme: GraphQL) -> None:
    helm = await client_id(acme, applicationUri=uri, redirectUri=uri)

    document = """query ($client: String!) { organization(name: "acme") {
        application(clientId: $client) { applicationUri redirectUri } } }"""
    assert (await acme.data(document, client=helm))["organization"]["application"] == {
        "applicationUri": uri,
        "redirectUri": uri,
    }


async def test_an_address_from_before_the_rule_is_shown_to_nobody(acme: GraphQL) -> None:
    helm = await client_id(acme)
    await execute(
        "UPDATE application SET application_uri = ?, redirect_uri = ?", *["javascript:alert(1)"] * 2
    )

    document = """query ($client: String!) {
        application(clientId: $client) { applicationUri redirectUri }
        organization(name: "acme") { applications { nodes { applicationUri redirectUri } } } }"""
    nothing = {"applicationUri": "", "redirectUri": ""}
    assert await acme.data(document, client=helm) == {
        "application": nothing,
        "organization": {"applications": {"nodes": [nothing]}},
    }

    await acme.payload(
        """mutation ($client: String!) { applicationUpdate(organization: "acme", clientId: $client,
            input: { name: "Tiller" }) { application { name } errors { message } } }""",
        client=helm,
    )
    row = await fetch_one("SELECT name, application_uri FROM application")
    assert row == {"name": "Tiller", "application_uri": "javascript:alert(1)"}
