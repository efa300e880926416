"""STATE: rows and bytes. Knows nothing of the layers above it.

`database` connects and migrates, `models` are the tables, `statements` and `transactions` run SQL, `blobs`
stores bytes, `events` is the event log, `jobs` the queue of jobs, `hot` has the point reads of `/v2` (the hot
path), without the model layer.
"""

from storage.database import Database, DatabaseError, IntegrityError, latest_revision, migrate

__all__ = ["Database", "DatabaseError", "IntegrityError", "latest_revision", "migrate"]
