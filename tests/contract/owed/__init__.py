"""What every write owes: its audit entries, the epochs that it bumps, and nothing at all when it is refused.

`rows` says what a row of the tables is, `rights` who is refused, `place` what there is before; `requests` and
`engine` perform and compare. The tables are the modules with the names of the nouns.
"""
