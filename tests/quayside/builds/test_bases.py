"""Base images of builds: names that are none are not asked for."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from quayside.builds.bases import Bases
from resolvers.builds.builder import BuildFailed, Task
from resolvers.outbound.client import Outbound

OWN = "registry.test"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{OWN}/ada/app@../../../metrics", "'../../../metrics' is no digest."),
        (f"{OWN}/ada/app@sha256:beef", "'sha256:beef' is no digest."),
        (f"{OWN}/ada/app:1?n=2", "'1?n=2' is no tag."),
        (f"{OWN}/ada/app:1@", "'' is no digest."),
    ],
)
async def test_a_name_with_what_is_no_tag_or_digest_is_not_asked_for(
    name: str, reason: str, tmp_path: Path
) -> None:
    async def token(_: str) -> str:
        raise AssertionError("the registry is asked")

    bases = Bases(Outbound(), frozenset({OWN}), f"http://{OWN}", 1 << 30)
    task = cast(Task, SimpleNamespace(pull_token=token))

    with pytest.raises(BuildFailed) as failed:
        await bases.fetch(task, name, tmp_path / "0")

    assert str(failed.value) == f"The base image {name} cannot be fetched: {reason}"
    assert not (tmp_path / "0").exists()
