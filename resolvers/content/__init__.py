"""Content of `/v2`: pushes, uploads, lists, garbage collection."""
