"""Runs background jobs: which are due, how many at once, in this process or in a child, until when.

`runner` claims and supervises, `execution` is an attempt in this process, `child` one in a process of its
own, whose program is `in_child`; `tools` makes what jobs work with. What jobs do stands in `resolvers`.
"""
