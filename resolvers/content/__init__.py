"""Content that comes and goes through `/v2`: pushes, uploads, lists, garbage collection."""
