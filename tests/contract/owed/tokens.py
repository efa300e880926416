"""Applications and tokens."""

from __future__ import annotations

from tests.contract.owed.given import APP_TOKEN, APPLICATION, OFFER, TOKEN
from tests.contract.owed.rows import Row, at_acme, at_own, row

ROWS: tuple[Row, ...] = (
    row(
        "accessTokenRevoke:by itself",
        'uuid: "<token_of_user>"',
        "own thing",
        "-access_token",
        at_own(
            "oauth_token_revoked",
            token="<token_of_user>",
            username="owner",
            application=None,
            client_id=None,
        ),
        by="user",
    ),
    row(
        "applicationDelete:by its own token",
        'organization: "acme", clientId: "<pilot>"',
        "organization",
        "-access_token -application",
        at_acme("delete_application", application_name="Pilot", client_id="<pilot>"),
        by="org",
    ),
    row(
        "applicationTokenRevoke:by itself",
        'organization: "acme", clientId: "<pilot>", uuid: "<token_of_org>"',
        "organization",
        "-access_token",
        at_acme(
            "revoke_oauth_api_token",
            token="<token_of_org>",
            username="owner",
            application="Pilot",
            client_id="<pilot>",
        ),
        by="org",
    ),
    row(
        "appTokenCreate",
        'input: { title: "laptop" }',
        "account, fresh",
        "+app_token",
        at_own("create_app_specific_token", app_specific_token_title="laptop", app_specific_token="<uuid>"),
        by="user",
        uuid="appToken.uuid",
    ),
    row(
        "appTokenRevoke",
        'uuid: "<uuid>"',
        "own thing, fresh",
        "-app_token",
        at_own("revoke_app_specific_token", app_specific_token_title="laptop", app_specific_token="<uuid>"),
        by="user",
        given=(APP_TOKEN,),
    ),
    row(
        "accessTokenRevoke",
        'uuid: "<uuid>"',
        "own thing",
        "-access_token",
        at_own(
            "oauth_token_revoked", token="<uuid>", username="owner", application="Helm", client_id="<helm>"
        ),
        by="user",
        given=(
            APPLICATION,
            TOKEN,
        ),
    ),
    row(
        "applicationCreate",
        (
            'organization: "acme", input: { name: "Helm", applicationUri: "https://helm.example",'
            ' redirectUri: "https://helm.example/cb", description: "d", avatarEmail: "h@example.com" }'
        ),
        "organization",
        "+application",
        at_acme(
            "create_application",
            name="Helm",
            description="d",
            application_uri="https://helm.example",
            redirect_uri="https://helm.example/cb",
            avatar_email="h@example.com",
            application_name="Helm",
            client_id="<helm>",
        ),
        by="org",
        helm="application.clientId",
    ),
    row(
        "applicationUpdate",
        (
            'organization: "acme", clientId: "<helm>", input: { name: "Tiller", description: "e",'
            ' applicationUri: "https://helm.example", redirectUri: "https://helm.example/cb", avatarEmail:'
            " null }"
        ),
        "organization",
        "~application",
        at_acme(
            "update_application",
            name="Tiller",
            description="e",
            application_uri="https://helm.example",
            redirect_uri="https://helm.example/cb",
            avatar_email=None,
            application_name="Tiller",
            client_id="<helm>",
        ),
        by="org",
        given=(APPLICATION,),
    ),
    row(
        "applicationDelete",
        'organization: "acme", clientId: "<helm>"',
        "organization",
        "-access_token -application",
        at_acme("delete_application", application_name="Helm", client_id="<helm>"),
        by="org",
        given=(
            APPLICATION,
            TOKEN,
        ),
    ),
    row(
        "applicationSecretReset",
        'organization: "acme", clientId: "<helm>"',
        "organization",
        "~application",
        at_acme("reset_application_client_secret", application_name="Helm", client_id="<helm>"),
        by="org",
        given=(APPLICATION,),
    ),
    row(
        "applicationTokenCreate",
        'organization: "acme", clientId: "<helm>", input: { title: "t", scope: "org:admin", lifetimeS: 60 }',
        "organization",
        "+access_token",
        at_acme(
            "create_oauth_api_token",
            token="<uuid>",
            scopes="org:admin",
            username="owner",
            application="Helm",
            client_id="<helm>",
        ),
        by="org",
        given=(APPLICATION,),
        uuid="accessToken.uuid",
    ),
    row(
        "applicationTokenCreate:of more than its maker may do",
        'organization: "acme", clientId: "<pilot>", input: { title: "t", scope: "repo:read" }',
        "organization",
        "",
        by="org",
        outcome="INVALID",
    ),
    row(
        "applicationTokenRevoke",
        'organization: "acme", clientId: "<helm>", uuid: "<uuid>"',
        "organization",
        "-access_token",
        at_acme(
            "revoke_oauth_api_token", token="<uuid>", username="owner", application="Helm", client_id="<helm>"
        ),
        by="org",
        given=(
            APPLICATION,
            TOKEN,
        ),
    ),
    row(
        "tokenAssignmentCreate",
        'organization: "acme", clientId: "<helm>", input: { username: "guest", scope: "repo:read" }',
        "organization",
        "+token_assignment",
        at_acme(
            "oauth_token_assigned",
            assigning_user="owner",
            assigned_user="guest",
            application="Helm",
            client_id="<helm>",
        ),
        by="org",
        given=(APPLICATION,),
    ),
    row(
        "tokenAssignmentDelete",
        'uuid: "<uuid>"',
        "own thing",
        "-token_assignment",
        by="user",
        given=(
            APPLICATION,
            OFFER,
        ),
    ),
)
