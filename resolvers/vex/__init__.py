"""VEX: what those who know an image state of vulnerabilities in it.

openvex.py    what a document says, and of which images and packages
reading.py    the job that reads documents that were pushed as referrers
"""
