"""What mirrors and caches share: content of an upstream is brought into a repository.

A blob counts as present only if the repository has a right to it, or, for a mirror, another one that its
robot may pull from. Otherwise its bytes are fetched from the upstream, whatever the blob store holds: who can
name a digest has not shown to have the bytes.
"""
