"""Bills of materials: what is in an image, in the formats that other tools read.

contents.py    what is said of a scanned image, whichever the format
spdx.py        as SPDX 2.3
cyclonedx.py   as CycloneDX 1.6
sbom.py        the texts, within the limits of one request
"""
