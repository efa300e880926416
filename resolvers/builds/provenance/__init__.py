"""Provenance: what the registry says, signed, of how it built an image.

predicate.py   what is said
attaching.py   the referrer by which an image gets it
reading.py     from a build to what was said of it, and from an image to its build
"""
