"""Backups of a registry in a directory, and registries restored from them.

    backup.json               the manifest, written last: it alone makes a backup
    database-TIME.db          the copy of the database that it names (.dump of PostgreSQL)
    blobs-TIME.txt            the blobs that this copy names: a digest and a size on each line
    secret-TIME.key           the key that decrypts what is stored, unless a setting has it
    blobs/                    the blobs, as a blob store of files

Blobs never change, so that the next backup adds those that are new, and puts another manifest in the place of
the former one in one step. Until then the former backup is whole, whatever happens.
"""
