"""Differences between two images.

diff.py              the two images, and which parts of them can be compared
config.py            what their configurations say
layers.py            which layers they share
files.py             which files differ
packages.py          which packages differ
vulnerabilities.py   which vulnerabilities are new, gone or stay
"""
