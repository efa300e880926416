"""Service keys."""

from __future__ import annotations

from tests.contract.owed.rows import Entry, Json, Request, Row, row


def _of_site(kind: str, /, **metadata: Json) -> Entry:
    """An entry of the whole registry."""
    return Entry(kind, metadata, None)


MADE = Request('serviceKeyCreate(input: { service: "builder" })', by="super", keep={"kid": "serviceKey.kid"})
_NEW = {"kid": "<kid>", "service": "builder", "name": "", "expiration_date": None}
_OWN = {"service": "quayside-registry", "name": "Registry tokens", "expiration_date": None}
_ROTATED = _of_site("service_key_rotate", kid="<successor>", signer_kid="<signing>", **_OWN)

ROWS: tuple[Row, ...] = (
    row(
        "serviceKeyCreate",
        'input: { service: "builder", name: "CI", notes: "for builds", metadata: { team: "ci" } }',
        "superuser",
        "+service_key",
        *(
            _of_site(kind, **{**_NEW, "name": "CI"}, preshared=True, auto_approved=True)
            for kind in ("service_key_create", "service_key_approve")
        ),
        by="super",
        kid="serviceKey.kid",
    ),
    row(
        "serviceKeyUpdate",
        'kid: "<kid>", input: { name: "CI 2", expiresAt: "<soon>", metadata: { a: "b" } }',
        "superuser",
        "~service_key",
        _of_site(
            "service_key_extend",
            **{**_NEW, "name": "CI 2", "expiration_date": "<soon_s>"},
            old_expiration_date=None,
        ),
        _of_site("service_key_modify", **{**_NEW, "name": "CI 2", "expiration_date": "<soon_s>"}),
        by="super",
        given=(MADE,),
    ),
    row(
        "serviceKeyApprove",
        'kid: "<waiting>", notes: "seen"',
        "superuser",
        "-inbox_notice ~service_key",
        _of_site("service_key_approve", **{**_NEW, "kid": "<waiting>"}),
        by="super",
    ),
    row(
        "serviceKeyDelete",
        'kid: "<waiting>"',
        "superuser",
        "-inbox_notice -service_key",
        _of_site("service_key_delete", **{**_NEW, "kid": "<waiting>"}, created_date="<waiting_s>"),
        by="super",
    ),
    row(
        "serviceKeyRotate",
        "",
        "superuser",
        "+service_key ~service_key",
        _ROTATED,
        by="super",
        successor="serviceKey.kid",
    ),
)
