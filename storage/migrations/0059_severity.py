"""How bad vulnerabilities of repositories and namespaces are: their last counts, and a history of these."""

from collections.abc import Callable
from typing import Any

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import CreateModel

OWNERS = (("Repository", "repository"), ("Namespace", "account"))
COUNTS = {
    "Repository": "The last count of a repository.",
    "Namespace": "The last count of a namespace: what the counts of its repositories come to, as `marker` tells.",
}


def _owner(kind: Callable[..., Any], owner: str, table: str) -> tuple[str, Any]:
    return owner.lower(), kind(
        f"models.{table.capitalize()}",
        source_field=f"{owner.lower()}_id",
        db_constraint=True,
        to_field="id",
        related_name=False,
        on_delete=OnDelete.CASCADE,
    )


def _id() -> tuple[str, Any]:
    return "id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)


def _figures() -> list[tuple[str, Any]]:
    return [
        ("counted_at_ms", fields.BigIntField()),
        ("figures", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
    ]


def _count(owner: str, table: str) -> CreateModel:
    more = [("advisories", fields.BinaryField())] if owner == "Repository" else []
    return ops.CreateModel(
        name=f"{owner}Severity",
        fields=[
            _id(),
            _owner(fields.OneToOneField, owner, table),
            ("marker", fields.CharField(max_length=64)),
            *_figures(),
            *more,
        ],
        options={
            "table": f"{owner.lower()}_severity",
            "app": "models",
            "pk_attr": "id",
            "table_description": COUNTS[owner],
        },
        bases=["Model"],
    )


def _sample(owner: str, table: str) -> CreateModel:
    return ops.CreateModel(
        name=f"{owner}SeveritySample",
        fields=[
            _id(),
            _owner(fields.ForeignKeyField, owner, table),
            ("day", fields.IntField()),
            *_figures(),
        ],
        options={
            "table": f"{owner.lower()}_severity_sample",
            "app": "models",
            "unique_together": ((owner.lower(), "day"),),
            "indexes": [Index(fields=["day"])],
            "pk_attr": "id",
            "table_description": f"The last count of a {owner.lower()} on a day (days since the epoch, UTC).",
        },
        bases=["Model"],
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0058_vex")]

    operations = [make(*owner) for make in (_count, _sample) for owner in OWNERS]
