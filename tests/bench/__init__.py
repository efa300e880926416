"""`make bench`: speed and memory of a real server, as ratios to docker-registry in the same run."""
