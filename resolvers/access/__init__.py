"""Authentication and authorization: who is calling and what they may do, for every door.

credentials.py       password, access token, application token, robot token → Viewer
passwords.py         Argon2id hashes
attempts.py          rate limit (back-off) for failed sign-ins
limits.py            rate limits for sign-ups and for mails to strangers
registry_tokens.py   the JWTs of the docker token flow: issue, verify
foreign_tokens.py    what JWTs of others have in common
viewer.py            Viewer: the account and the scopes of its credential
scopes.py  roles.py  the tables of scopes and roles
permissions.py       the role of a viewer on a repository or in a namespace, and the grants behind it
acting.py            whether an account can act: not deleted, not disabled
epochs.py            the counters that invalidate tokens issued before a change of rights
index_ranges.py      "repositories visible to a viewer" as ranges of an index
"""
