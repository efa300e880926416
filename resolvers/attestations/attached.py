"""Attached documents: those that somebody pushed as a referrer of an image, alone or in an attestation."""

from dataclasses import dataclass
from typing import Final

from resolvers.attestations.statement import Unreadable
from resolvers.context import Context
from resolvers.manifests import rights
from resolvers.manifests.artifact import BUNDLE, BUNDLE_PREDICATE
from resolvers.manifests.document import Descriptor, ManifestDocument
from storage.blobs import BlobTooLarge, BlobUnknown

_ENVELOPES: Final = ("application/vnd.dsse.envelope", "application/vnd.in-toto", BUNDLE)
_PREDICATES: Final = (BUNDLE_PREDICATE, "predicateType", "in-toto.io/predicate-type")


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


async def content_of(context: Context, repository_id: int, digest: str, most_bytes: int) -> bytes:
    """The bytes of an attached document. Raises `Unreadable`, and what the store raises."""
    if not await rights.held([(repository_id, digest)]):
        raise Unreadable("The document is not in the repository.")
    try:
        return await context.blobs.read_all(digest, limit=most_bytes)
    except BlobTooLarge as error:
        raise Unreadable(f"The document has more than {most_bytes >> 20} MiB.") from error
    except BlobUnknown as error:
        raise Unreadable("The document is gone.") from error
