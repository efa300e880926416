"""Service keys: the keys with which the registry signs, and keys of services that it publishes.

own_key.py      the registry's own keys: the ones that sign now, and their successors
ring.py         what each process knows of them
service_key.py  all keys, as superusers see and change them
submission.py   keys that services send, and replace
upkeep.py       the job that rotates keys and removes those that are over
"""
