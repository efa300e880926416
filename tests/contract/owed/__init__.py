"""What every write owes: its audit entries, the epochs that it bumps, and nothing at all when it is refused.

`rows` says what a row of the tables is, `place` what there is before, `engine` performs and compares. The
tables are the modules with the names of the nouns.
"""
