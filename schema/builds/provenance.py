"""Provenance of builds: what the registry says, signed, of how it made an image."""

import strawberry
from strawberry.scalars import JSON

from resolvers.attestations.reading import AttestationRecord
from schema.scalars import Digest


@strawberry.type(
    description="What the registry says of how it made an image: an in-toto statement with SLSA provenance,"
    " signed, and attached to the image as a referrer."
)
class BuildProvenance:
    record: strawberry.Private[AttestationRecord]

    @strawberry.field(description="The statement.")
    def statement(self) -> JSON:
        return JSON(self.record.statement)

    @strawberry.field(description="The DSSE envelope with the statement and its signature.")
    def envelope(self) -> JSON:
        return JSON(self.record.envelope)

    @strawberry.field(description="The `kid` of the key that signed it.")
    def key_id(self) -> str:
        return self.record.kid

    @strawberry.field(
        description="The public half of that key as PEM, for whoever verifies it; null once a superuser has"
        " deleted the key."
    )
    def public_key(self) -> str | None:
        return self.record.public_key

    @strawberry.field(
        description="Whether it is signed with a key of the registry that has not been deleted, and about the"
        " image of this build."
    )
    def is_verified(self) -> bool:
        return self.record.is_verified

    @strawberry.field(description="The digest of the manifest by which it is attached to the image.")
    def manifest_digest(self) -> Digest:
        return Digest(self.record.manifest_digest)
