"""Times of the process that runs the jobs of tests, which tests wait for.

They are apart from that process, whose kinds of jobs are none of the registry's: nothing imports these here.
"""

LEASE_MS = 5_000
