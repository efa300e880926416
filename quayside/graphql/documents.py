"""Valid GraphQL documents, cached by their text."""

from collections import OrderedDict

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
)

from quayside.graphql.requests import RequestRefused
from schema.input_checks import document_has_nul, nul_error
from schema.limits import Limits
from schema.validation import parse_and_validate


class DocumentCache:
    """An LRU cache of valid documents by their text.

    `characters` bounds the total length of the texts; a parsed document takes up to 270 bytes per character.
    """

    def __init__(self, schema: GraphQLSchema, *, limits: Limits, characters: int = 256 * 1024) -> None:
        self.schema = schema
        self.limits = limits
        self.free_characters = characters
        self.documents: OrderedDict[str, DocumentNode] = OrderedDict()

    def get(self, text: str) -> DocumentNode:
        """The document of a text. Raises RequestRefused: 400 for a syntax error, 422 if it is invalid."""
        if text in self.documents:
            self.documents.move_to_end(text)
            return self.documents[text]
        document = self.parse_and_validate(text)
        self.documents[text] = document
        self.free_characters -= len(text)
        while self.free_characters < 0:
            dropped, _ = self.documents.popitem(last=False)
            self.free_characters += len(dropped)
        return document

    def parse_and_validate(self, text: str) -> DocumentNode:
        """Parse and validate a text. Raises RequestRefused."""
        if document_has_nul(text):
            raise RequestRefused(400, [nul_error("query")], {})
        try:
            document, errors = parse_and_validate(text, self.schema, self.limits)
        except GraphQLError as error:
            raise RequestRefused(400, [error], {}) from error
        if errors:
            raise RequestRefused(422, errors, {})
        return document
