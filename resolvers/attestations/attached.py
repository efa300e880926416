"""Attached documents: those that somebody pushed as a referrer of an image, alone or in an attestation."""

from dataclasses import dataclass
from typing import Final

from resolvers.attestations.statement import Unreadable
from resolvers.context import Context
from resolvers.manifests import rights
from resolvers.manifests.artifact import BUNDLE, BUNDLE_PREDICATE
from resolvers.manifests.document import Descriptor, ManifestDocument
from storage.blobs import BlobTooLarge, BlobUnknown

VEX_TYPES: Final = ("application/vnd.openvex", "application/openvex", "text/openvex")
BILL_TYPES: Final = ("application/spdx", "text/spdx", "application/vnd.cyclonedx")
"""Beginnings of the media types of documents of VEX, and of bills of materials."""
NOT_THERE: Final = "The document is not in the repository."
_ENVELOPES: Final = ("application/vnd.dsse.envelope", "application/vnd.in-toto", BUNDLE)
_PREDICATES: Final = (BUNDLE_PREDICATE, "predicateType", "in-toto.io/predicate-type")


class NotThere(Exception):
    """A document is not in the repository yet: in a cache it comes when somebody pulls it."""


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A kind of documents, by the beginnings of its media types and of the types of its predicates."""

    media_types: tuple[str, ...]
    predicate_types: tuple[str, ...]

    def layer_in(self, document: ManifestDocument) -> Descriptor | None:
        """The layer of a manifest with such a document, as it is or in an attestation."""
        for layer in document.layers:
            if layer.media_type.startswith(self.media_types):
                return layer
            notes = {**document.annotations, **layer.annotations}
            if layer.media_type.startswith(_ENVELOPES) and any(
                notes.get(key, "").startswith(self.predicate_types) for key in _PREDICATES
            ):
                return layer
        # Clients give files the media type of a layer unless they are told another one.
        is_typed = (document.referrer_artifact_type or "").startswith(self.media_types)
        return document.layers[0] if is_typed and document.layers else None


async def content_of(context: Context, repository_id: int, layer: Descriptor, most_bytes: int) -> bytes:
    """The bytes of an attached document. Raises `Unreadable`, `NotThere`, and what the store raises."""
    if not await rights.held([(repository_id, layer.digest)]):
        if not layer.is_distributable:
            raise Unreadable("The document is kept elsewhere.")
        raise NotThere(NOT_THERE)
    try:
        return await context.blobs.read_all(layer.digest, limit=most_bytes)
    except BlobTooLarge as error:
        raise Unreadable(f"The document has more than {most_bytes >> 20} MiB.") from error
    except BlobUnknown as error:
        raise Unreadable("The document is gone.") from error
