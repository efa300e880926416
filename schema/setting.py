"""The settings of the server, as fields of the site, for those who see it."""

import strawberry
from strawberry.scalars import JSON

from resolvers import site
from resolvers.configuration import Finding, SettingRecord, SettingSource
from resolvers.site import SiteStatus
from schema.context import Info
from schema.guards import REFUSABLE
from schema.scalars import JSONObject

strawberry.enum(
    SettingSource,
    name="SettingSource",
    description="Where a setting was found: on the command line, in a variable, in the file, or nowhere.",
)

strawberry.enum(SiteStatus, name="SiteStatus", description="How far the installation is.")


@strawberry.type(description="A setting of the server, or one of its features.")
class Setting:
    record: strawberry.Private[SettingRecord]
    findings: strawberry.Private[list[Finding]]

    @strawberry.field(description="Its name, such as `PUBLIC_URL` or `FEATURE_AUTO_PRUNE`.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(
        description="What holds: a text, a whole number, true or false, a list, or null. Passwords and keys"
        " are `**********`, also within addresses."
    )
    def value(self) -> JSON | None:
        return self.record.value  # type: ignore[no-any-return]

    @strawberry.field(description="Where it was found.")
    def source(self) -> SettingSource:
        return self.record.source

    @strawberry.field(description="Whether it is, or may have in it, what is not shown.")
    def is_secret(self) -> bool:
        return self.record.is_secret

    @strawberry.field(description="What it is for.")
    def description(self) -> str:
        return self.record.description

    @strawberry.field(description="What the checks of the server find fault with in it; empty if nothing.")
    def reasons(self) -> list[str]:
        return [found.reason for found in self.findings if self.record.name in found.settings]


@strawberry.type(description="What a check of the server finds fault with.")
class SettingFinding:
    check: str = strawberry.field(description="What was checked, as `quayside doctor` calls it.")
    reason: str = strawberry.field(description="What is wrong, and what would mend it.")
    settings: list[str] = strawberry.field(description="The names of the settings that it is about.")


@strawberry.type
class SiteConfiguration:
    """What the site shows of its settings and of itself."""

    @strawberry.field(
        description="The settings of the server and its features, by name. Refused to others than superusers,"
        " and where the feature `SUPERUSER_CONFIGDUMP` is off.",
        metadata=REFUSABLE,
    )
    async def settings(self, info: Info) -> list[Setting]:
        configuration = site.configuration(info.context.context)
        findings = list(await configuration.findings())
        return [Setting(record=record, findings=findings) for record in configuration.settings()]

    @strawberry.field(
        description="What the quick checks of `quayside doctor` find fault with. Refused like `settings`.",
        metadata=REFUSABLE,
    )
    async def findings(self, info: Info) -> list[SettingFinding]:
        return [
            SettingFinding(check=found.check, reason=found.reason, settings=list(found.settings))
            for found in await site.configuration(info.context.context).findings()
        ]

    @strawberry.field(
        description="A JSON Schema of an object with the values of all settings by name. Refused like"
        " `settings`.",
        metadata=REFUSABLE,
    )
    def settings_schema(self, info: Info) -> JSONObject:
        return JSONObject(site.configuration(info.context.context).json_schema())

    @strawberry.field(
        description="What changed from version to version, as Markdown. Refused to others than superusers.",
        metadata=REFUSABLE,
    )
    def changelog(self, info: Info) -> str | None:
        return site.changelog(info.context.context)

    @strawberry.field(description="How far the installation is.")
    async def status(self) -> SiteStatus:
        return await site.status()
