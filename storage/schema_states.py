"""Runs migrations without making all models anew for each of their operations.

Before each operation the library makes a copy of every model, as a class that can be queried, which took most
of the time in which a database was made. Here a copy is made when an operation asks for it, as few do, and
none can be queried: migrations run SQL.
"""

from functools import cached_property

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps

Models = dict[tuple[str, str], ModelState]


class Executor(MigrationExecutor):
    """Applies migrations, going forward only."""

    async def _project_state(self, applied: set[MigrationKey], *, upto: MigrationKey | None = None) -> State:
        names = {label: config["default_connection"] for label, config in self.loader.apps_config.items()}
        state = _State({}, _Apps(default_connections=names))
        for key in self._full_plan():
            migration = self.loader.graph.nodes[key] if key in applied else None
            if migration is not None:
                await migration.apply(state, dry_run=True, schema_editor=None)
        return state


class _Apps(StateApps):
    """The models at one point of the migrations, with their fields and relations, without queries."""

    def _build_initial_querysets(self) -> None:
        for model in self.get_models_iterable():
            if model._meta._inited:
                model._meta.finalise_fields()


class _State(State):
    """The schema at one point of the migrations."""

    def clone(self) -> State:
        return _Before({key: model.clone() for key, model in self.models.items()}, self.apps)


class _Before(_State):
    """The schema before an operation."""

    def __init__(self, models: Models, source: StateApps) -> None:
        self.models = models
        self._source = source

    @cached_property
    def apps(self) -> StateApps:  # type: ignore[override]
        """The models, made when they are asked for."""
        return self._source.clone(model_states=self.models)
