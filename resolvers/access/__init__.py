"""Who is calling and what they may do: the one place where every door asks.

credentials.py       password, access token, application token, robot token → Viewer
registry_tokens.py   the JWTs of the docker token flow: issue, verify
viewer.py            Viewer: the account and how far the credential carries
scopes.py  roles.py  the tables of scopes and roles
permissions.py       the role of a viewer on a repository or in a namespace, and why
"""
