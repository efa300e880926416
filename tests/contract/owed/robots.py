"""Robots and their federation."""

from __future__ import annotations

from tests.contract.owed.given import FEDERATION, OWN_FEDERATION
from tests.contract.owed.rows import Row, at_acme, at_own, row

ROWS: tuple[Row, ...] = (
    row(
        "robotCreate",
        'input: { owner: "acme", shortName: "new", description: "d", unstructuredMetadata: { a: 1 } }',
        "organization",
        "+account +robot",
        at_acme("create_robot", robot="new", description="d", unstructured_metadata={"a": 1}),
        by="org",
    ),
    row(
        "robotCreate:own",
        'input: { shortName: "new" }',
        "own account",
        "+account +robot",
        at_own("create_robot", robot="new", description="", unstructured_metadata={}),
        by="user",
    ),
    row(
        "robotDelete",
        'owner: "acme", shortName: "bot"',
        "organization",
        "-access_token -account -repository_permission -robot",
        at_acme("delete_robot", robot="bot"),
        by="org",
    ),
    row(
        "robotDelete:own",
        'shortName: "own"',
        "own robot",
        "-account -robot",
        at_own("delete_robot", robot="own"),
        by="user",
    ),
    row(
        "robotTokenRegenerate",
        'owner: "acme", shortName: "bot"',
        "organization",
        "~account ~robot",
        at_acme("regenerate_robot_token", robot="bot"),
        by="org",
        bumped="acme+bot",
    ),
    row(
        "robotTokenRegenerate:own",
        'shortName: "own"',
        "own robot",
        "~account ~robot",
        at_own("regenerate_robot_token", robot="own"),
        by="user",
        bumped="owner+own",
    ),
    row(
        "robotFederationSet",
        'owner: "acme", shortName: "bot", identities: [{ issuer: "https://ci.example", subject: "job" }]',
        "organization",
        "~account +robot_federation",
        at_acme(
            "create_robot_federation",
            config=[{"issuer": "https://ci.example", "subject": "job"}],
            robot="bot",
        ),
        by="org",
        bumped="acme+bot",
    ),
    row(
        "robotFederationClear",
        'owner: "acme", shortName: "bot"',
        "organization",
        "~account -robot_federation",
        at_acme("delete_robot_federation", robot="bot"),
        by="org",
        bumped="acme+bot",
        given=(FEDERATION,),
    ),
    row(
        "robotFederationSet:own",
        'shortName: "own", identities: [{ issuer: "https://ci.example", subject: "job" }]',
        "own robot",
        "~account +robot_federation",
        at_own(
            "create_robot_federation",
            config=[{"issuer": "https://ci.example", "subject": "job"}],
            robot="own",
        ),
        by="user",
        bumped="owner+own",
    ),
    row(
        "robotFederationClear:own",
        'shortName: "own"',
        "own robot",
        "~account -robot_federation",
        at_own("delete_robot_federation", robot="own"),
        by="user",
        bumped="owner+own",
        given=(OWN_FEDERATION,),
    ),
)
