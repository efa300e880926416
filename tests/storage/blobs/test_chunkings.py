"""However the bytes arrive, the blob is the same."""

import random
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.blobs import CHUNK_SIZE
from tests.plugins.scale import SCALE
from tests.storage.blobs.conftest import DRIVERS, make_store
from tests.storage.blobs.helpers import all_uploads, new_upload, read, sha256, sha512, stream

CONTENT = random.Random(20).randbytes(3 * CHUNK_SIZE)

sizes = st.one_of(
    st.integers(0, 3000),
    st.sampled_from([CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE]),
)
cuts = st.lists(st.floats(0, 1), max_size=12)


def pieces_of(content: bytes, fractions: list[float]) -> list[bytes]:
    marks = [0, *sorted(int(fraction * len(content)) for fraction in fractions), len(content)]
    return [content[start:end] for start, end in pairwise(marks)]


@pytest.mark.parametrize("digest_of", [sha256, sha512])
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.long
@settings(max_examples=40 * SCALE, deadline=None)
@given(size=sizes, append_cuts=cuts, stream_cuts=cuts, reopen=st.booleans())
async def test_random_chunkings_give_equal_bytes(
    driver: str, digest_of, size: int, append_cuts: list[float], stream_cuts: list[float], reopen: bool
) -> None:
    content = CONTENT[:size]
    upload = new_upload()
    with tempfile.TemporaryDirectory() as directory:
        store = make_store(driver, Path(directory))
        await store.create_upload(upload)
        offset = 0
        for part in pieces_of(content, append_cuts):
            offset = await store.append(upload, offset, stream(*pieces_of(part, stream_cuts)))
            if reopen and driver in {"filesystem", "object-directory"}:
                await store.close()
                store = make_store(driver, Path(directory))
        assert offset == size
        assert await store.commit(upload, digest_of(content)) == size
        assert await read(store, digest_of(content)) == content
        assert await all_uploads(store) == []
        await store.close()
