"""Builds of images."""

from __future__ import annotations

from tests.contract.owed.rows import Request, Row, at_app, row

_CONTEXT = "https://9.9.9.9/context.tgz"
_ORDER = f'repository: "acme/app", input: {{ archiveUrl: "{_CONTEXT}", tags: ["built"] }}'
ORDERED = Request(f"buildRequest({_ORDER})", by="writer", keep={"build": "build.uuid"})
_SOURCE = "git@9.9.9.9:acme/app.git"
_COMMIT = "abcdef1234567890abcdef1234567890abcdef12"
_SETTINGS = f'input: {{ config: {{ build_source: "{_SOURCE}" }} }}'
_ABOUT = {"trigger_id": "<trigger>", "service": "custom-git"}
CONNECTED = Request('buildTriggerCreate(repository: "acme/app")', keep={"trigger": "trigger.uuid"})
ACTIVATED = Request(f'buildTriggerActivate(repository: "acme/app", uuid: "<trigger>", {_SETTINGS})')

ROWS: tuple[Row, ...] = (
    row(
        "buildRequest",
        _ORDER,
        "write",
        "+build +job",
        at_app(
            "build_dockerfile",
            build_id="<build>",
            docker_tags=["built"],
            is_manual=True,
            manual_user="writer",
        ),
        by="writer",
        build="build.uuid",
    ),
    row(
        "buildCancel",
        'repository: "acme/app", uuid: "<build>"',
        "administer",
        "~build ~job",
        at_app("cancel_build", build_uuid="<build>"),
        by="keeper",
        given=(ORDERED,),
    ),
    row("buildTriggerCreate", 'repository: "acme/app", service: CUSTOM_GIT', "administer", "+build_trigger"),
    row(
        "buildTriggerActivate",
        f'repository: "acme/app", uuid: "<trigger>", {_SETTINGS}',
        "administer, by its creator",
        "~build_trigger",
        at_app("setup_repo_trigger", **_ABOUT, pull_robot=None, config={"build_source": _SOURCE}),
        given=(CONNECTED,),
    ),
    row(
        "buildTriggerUpdate",
        'repository: "acme/app", uuid: "<trigger>", isEnabled: false',
        "administer",
        "~build_trigger",
        at_app("toggle_repo_trigger", **_ABOUT, enabled=False),
        given=(CONNECTED, ACTIVATED),
    ),
    row(
        "buildTriggerStart",
        f'repository: "acme/app", uuid: "<trigger>", input: {{ commit: "{_COMMIT}" }}',
        "administer",
        "+build +job",
        at_app(
            "build_dockerfile",
            build_id="<build>",
            docker_tags=[_COMMIT[:7]],
            is_manual=True,
            manual_user="owner",
            trigger_id="<trigger>",
            trigger_kind="custom-git",
            trigger_metadata={"commit": _COMMIT, "git_url": _SOURCE},
        ),
        given=(CONNECTED, ACTIVATED),
        build="build.uuid",
    ),
    row(
        "buildTriggerDelete",
        'repository: "acme/app", uuid: "<trigger>"',
        "administer",
        "~build_trigger +job",
        at_app("delete_repo_trigger", **_ABOUT),
        given=(CONNECTED, ACTIVATED),
    ),
    row(
        "buildTriggerReferencesList",
        'repository: "acme/app", uuid: "<trigger>"',
        "administer",
        "",
        given=(CONNECTED,),
        outcome="CONFLICT",
    ),
    row("contextFileCreate", "", "account, to make things", "+context_file"),
)
