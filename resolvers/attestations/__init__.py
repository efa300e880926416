"""Attestations: signed statements on images, those that the registry made and those that somebody attached.

statement.py   what a statement says, as a document of anybody has it
envelope.py    statements, and the envelopes that sign them
referrer.py    the form in which an envelope is attached to an image
signing.py     statements that the registry makes, with its own key
reading.py     what repositories hold of them, and whether it is the registry's
attached.py    documents that somebody attached to an image, alone or in an attestation
"""
