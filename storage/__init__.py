"""STATE: rows and bytes. Knows nothing of the layers above it.

`database` opens and migrates, `models` are the tables, `statements` and `transactions` run SQL, `blobs` keeps
bytes, `events` and `jobs` are the log of what happened and the list of what is to be done, `hot` answers the
point reads of `/v2` without the model layer.
"""

from storage.database import Database, DatabaseError, IntegrityError, latest_revision, migrate

__all__ = ["Database", "DatabaseError", "IntegrityError", "latest_revision", "migrate"]
