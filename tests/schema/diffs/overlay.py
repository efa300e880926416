"""Images as they are unpacked: layers applied one after the other to a tree, in the plainest way."""

import hashlib
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from tests.scanning import OPAQUE

Content = Mapping[str, bytes | str | tarfile.TarInfo]
Node = dict[str, Any]
"""What there is at a path: type, mode, digest of content, target of a link. Without mode if only implied."""
IMPLIED: Node = {"type": "DIRECTORY", "mode": None, "digest": None, "linkTarget": None}
NAMES = ("a", "a-", "a.b", "a0", "b")


def made(layers: Sequence[Content]) -> dict[str, Node]:
    """The tree that layers come to, by path."""
    tree: dict[str, Node] = {}
    for layer in layers:
        _apply(tree, layer)
    return tree


def _apply(tree: dict[str, Node], layer: Content) -> None:
    entries = {path.strip("/"): content for path, content in layer.items() if ".wh." not in path}
    files = {path for path, content in entries.items() if _node(content)["type"] != "DIRECTORY"}
    emptied = [path.rpartition("/")[0] for path in layer if path.endswith(OPAQUE)]
    removed = [path.replace(".wh.", "") for path in layer if ".wh." in path and not path.endswith(OPAQUE)]
    for path in [*tree]:
        if path in removed or any(up in removed or up in emptied for up in _above(path)):
            del tree[path]
    # What is in a file of the same layer is nowhere.
    present = [path for path in (*emptied, *removed, *entries) if not files & {*_above(path)}]
    for path in sorted(present):
        for up in {*_above(path), *({path} & {*emptied})} - files - {""}:
            if tree.get(up, IMPLIED)["type"] != "DIRECTORY" or up not in tree:
                tree[up] = IMPLIED
    for path in present:
        if path in entries:
            tree[path] = _node(entries[path])
    for path in [*tree]:
        if files & {*_above(path)}:
            del tree[path]


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _node(content: bytes | str | tarfile.TarInfo) -> Node:
    if isinstance(content, bytes):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        return {"type": "FILE", "mode": 0o644, "digest": digest, "linkTarget": None}
    if isinstance(content, str):
        return {"type": "SYMLINK", "mode": 0o644, "digest": None, "linkTarget": content}
    return {"type": "DIRECTORY", "mode": content.mode, "digest": None, "linkTarget": None}


def differing(before: Mapping[str, Node], after: Mapping[str, Node]) -> dict[str, tuple[Any, Any]]:
    """Where two trees differ, by path in order."""
    found = {}
    for path in sorted({*before, *after}):
        one, other = before.get(path), after.get(path)
        listed = [node for node in (one, other) if node and node["mode"] is not None]
        both_directories = one and other and one["type"] == other["type"] == "DIRECTORY"
        if one != other and listed and not (both_directories and len(listed) < 2):
            found[path] = (one, other)
    return found


def random_layer(random: Random) -> Content:
    """A layer with few names, so that layers are in each other's way."""
    layer: dict[str, bytes | str | tarfile.TarInfo] = {}
    for _ in range(random.randint(0, 6)):
        steps = [random.choice(NAMES) for _ in range(random.randint(1, 3))]
        path = "/".join(steps)
        match random.randint(0, 6):
            case 0:
                layer["/".join([*steps[:-1], f".wh.{steps[-1]}"])] = b""
            case 1:
                layer[f"{path}/{OPAQUE}"] = b""
            case 2:
                entry = tarfile.TarInfo(path)
                entry.type, entry.mode = tarfile.DIRTYPE, random.choice([0o755, 0o700])
                layer[path] = entry
            case 3:
                layer[path] = random.choice(NAMES)
            case _:
                layer[path] = random.choice([b"1", b"2"])
    return layer
