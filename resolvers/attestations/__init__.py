"""Attestations: signed statements on images that the registry made, attached to them as referrers.

envelope.py    statements, and the envelopes that sign them
referrer.py    the form in which an envelope is attached to an image
signing.py     statements that the registry makes, with its own key
reading.py     what repositories hold of them, and whether it is the registry's
"""
