"""Bills of materials: what the registry writes of images, and what others have attached to them.

contents.py    what a bill says of a scanned image, whichever its format
cyclonedx.py   it as a document of CycloneDX
spdx.py        it as a document of SPDX
sbom.py        such documents as texts, within the limits of one request
bill.py        what the document of somebody says
reading.py     the job that reads documents that were attached to images
"""
