"""Writes at `/v2`."""

from __future__ import annotations

from tests.contract.owed.given import POLICY, PUBLIC_DELETED, ROBOT_MAY_WRITE, UPLOAD
from tests.contract.owed.rows import AGENT, Entry, Request, Row, at_app
from tests.quayside.registry import kit

LAYER = b"a new layer"
LAYER_DIGEST = kit.digest_of(LAYER)
IMAGE = kit.encode(kit.image_document(b"one", b"two"))
DIGEST = kit.digest_of(IMAGE)
KNOWN_IMAGE = kit.encode(kit.image_document(b"one"))
"""What the tag v1 of acme/app points to."""

OCTETS = {"Content-Type": kit.OCTETS}
OCI = {"Content-Type": kit.OCI_MANIFEST}
NEW_MANIFEST = "+daily_activity +job +manifest +manifest_blob +manifest_body"


def at(
    name: str,
    path: str,
    changes: str,
    *entries: Entry,
    body: bytes | None = None,
    by: str = "writer",
    given: tuple[Request, ...] = (),
    right: str = "write",
) -> Row:
    """A row of an address below acme/app, whose name begins with the method and the name of the route."""
    method, route, *_ = name.partition(":")[0].split()
    headers = OCI if route == "manifest" and body else OCTETS
    url = path if path.startswith("<") else f"/v2/acme/app/{path}"
    return Row(name, Request(url, method, body, headers, by), right, changes, entries, given=given)


def pushed(digest: str, username: str = "writer", **metadata: str) -> Entry:
    """The entry of a push, with the tag if there was one."""
    particulars = {"user-agent": AGENT, "mediaType": kit.OCI_MANIFEST, "manifest_digest": digest}
    return at_app("push_repo", username=username, **particulars, **metadata)


ROWS: tuple[Row, ...] = (
    at("POST uploads", "blobs/uploads/", "+upload"),
    at(
        "POST uploads:whole",
        f"blobs/uploads/?digest={LAYER_DIGEST}",
        "+blob +repository_blob",
        body=LAYER,
        by="write",
    ),
    at("POST uploads:mounted", "blobs/uploads/?mount=<public_layer>&from=acme/public", "+repository_blob"),
    *(
        at(f"POST uploads:not mounted from {path}{source}", f"blobs/uploads/?mount={blob}{source}", "+upload")
        for path in ("other/hidden", "blocked/public")
        for blob in (f"<{path.replace('/', '_')}>",)
        for source in (f"&from={path}", "")
    ),
    at(
        "POST uploads:not mounted from what is deleted",
        "blobs/uploads/?mount=<public_layer>",
        "+upload",
        given=(PUBLIC_DELETED,),
    ),
    at("PATCH upload", "<location>", "", body=LAYER, given=(UPLOAD,), right="upload of writer"),
    at(
        "PUT upload",
        f"<location>?digest={LAYER_DIGEST}",
        "+blob +repository_blob -upload",
        body=LAYER,
        given=(UPLOAD,),
        right="upload of writer",
    ),
    at("DELETE upload", "<location>", "-upload", given=(UPLOAD,), right="upload of writer"),
    at(
        "PUT manifest:by a new tag",
        "manifests/new",
        f"{NEW_MANIFEST} +tag",
        pushed(DIGEST, tag="new"),
        body=IMAGE,
    ),
    at(
        "PUT manifest:by a tag that moves",
        "manifests/v1",
        f"{NEW_MANIFEST} +tag ~tag",
        pushed(DIGEST, "owner", tag="v1"),
        body=IMAGE,
        by="write",
    ),
    at(
        "PUT manifest:by a tag that stays",
        "manifests/v1",
        "+daily_activity",
        pushed("<v1>", tag="v1"),
        body=KNOWN_IMAGE,
    ),
    at(
        "PUT manifest:by a tag of a policy",
        "manifests/rel-1",
        f"{NEW_MANIFEST} +tag",
        at_app(
            "tag_made_immutable_by_policy",
            policy_uuid="<policy>",
            tag_pattern="^rel-.*",
            tag_pattern_matches=True,
            tag="rel-1",
            manifest_digest=DIGEST,
        ),
        pushed(DIGEST, tag="rel-1"),
        body=IMAGE,
        given=(POLICY,),
    ),
    at(
        "PUT manifest:by its digest",
        f"manifests/{DIGEST}",
        NEW_MANIFEST,
        pushed(DIGEST, "member"),
        body=IMAGE,
        by="member",
    ),
    at(
        "PUT manifest:known, by its digest",
        "manifests/<v1>",
        "+daily_activity ~manifest",
        pushed("<v1>", "member"),
        body=KNOWN_IMAGE,
        by="member",
    ),
    at(
        "PUT manifest:by its digest with tags",
        f"manifests/{DIGEST}?tag=a&tag=v1",
        f"{NEW_MANIFEST} +tag ~tag",
        pushed(DIGEST, tag="a"),
        pushed(DIGEST, tag="v1"),
        body=IMAGE,
    ),
    at(
        "PUT manifest:by a robot",
        "manifests/v1",
        "+daily_activity",
        at_app(
            "push_repo",
            robot="acme+bot",
            tag="v1",
            mediaType=kit.OCI_MANIFEST,
            manifest_digest="<v1>",
            **{"user-agent": AGENT},
        ),
        body=KNOWN_IMAGE,
        by="robot",
        given=(ROBOT_MAY_WRITE,),
        right="write, like robots",
    ),
    at(
        "DELETE manifest",
        "manifests/<v1>",
        "~manifest ~tag",
        at_app("delete_manifest", manifest_digest="<v1>"),
    ),
    at(
        "DELETE manifest:by a tag",
        "manifests/v1",
        "~tag",
        at_app("delete_tag", username="keeper", tag="v1"),
        by="keeper",
    ),
    at("DELETE blob", "blobs/<one_layer>", "-repository_blob", at_app("delete_blob", digest="<one_layer>")),
)
