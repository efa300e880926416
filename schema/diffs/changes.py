"""What differs between two images: one type for what each part has."""

import strawberry

from resolvers.advisories.severity import Severity
from resolvers.diffs import config, files, layers, packages, vulnerabilities
from resolvers.diffs.config import ConfigSetting
from resolvers.diffs.diff import Change
from resolvers.diffs.vulnerabilities import VulnerabilityChange
from resolvers.scan.package import Ecosystem
from schema.manifests.manifest import Layer
from schema.scalars import BigInt
from schema.scan.advisory import Advisory, to_advisory
from schema.scan.file import ImageFile, to_image_file

strawberry.enum(Change, name="DiffChange", description="What became of something between two images.")
strawberry.enum(
    VulnerabilityChange,
    name="VulnerabilityChange",
    description="What became of a vulnerability between two images.",
)
strawberry.enum(ConfigSetting, name="ConfigSetting", description="What the configuration of an image sets.")


@strawberry.type(description="A setting in which the configurations of two images differ.")
class ConfigChange:
    record: strawberry.Private[config.ConfigChange]

    @strawberry.field(description="What is set.")
    def setting(self) -> ConfigSetting:
        return self.record.setting

    @strawberry.field(
        description="The name of a variable or a label, the port or the path of a volume; null for what is"
        " set once."
    )
    def key(self) -> str | None:
        return self.record.key

    @strawberry.field(description="What became of it.")
    def change(self) -> Change:
        return self.record.change

    @strawberry.field(
        name="from",
        description="What it was: the words of a command, of anything else one text, of ports and volumes"
        " none, at most what fits in 8 MiB; null if it was not set.",
    )
    def from_(self) -> list[str] | None:
        return None if self.record.before is None else list(self.record.before)

    @strawberry.field(description="What it is, in the same form, at most as much; null if it is not set.")
    def to(self) -> list[str] | None:
        return None if self.record.after is None else list(self.record.after)


@strawberry.type(description="The layers of two images, from the bottom up.")
class LayerDiff:
    record: strawberry.Private[layers.LayerDiff]

    @strawberry.field(description="The layers with which both begin; at most 4,096.")
    def common(self) -> list[Layer]:
        return _layers(self.record.common)

    @strawberry.field(description="Those above that are in both, as `to` has them; at most 4,096.")
    def shared(self) -> list[Layer]:
        return _layers(self.record.shared)

    @strawberry.field(description="Those that only `from` has; at most 4,096.")
    def removed(self) -> list[Layer]:
        return _layers(self.record.removed)

    @strawberry.field(description="Those that only `to` has; at most 4,096.")
    def added(self) -> list[Layer]:
        return _layers(self.record.added)

    @strawberry.field(description="The compressed size of `common`, in bytes.")
    def common_bytes(self) -> BigInt:
        return _size(self.record.common)

    @strawberry.field(description="The compressed size of `shared`, in bytes.")
    def shared_bytes(self) -> BigInt:
        return _size(self.record.shared)

    @strawberry.field(description="The compressed size of `removed`, in bytes.")
    def removed_bytes(self) -> BigInt:
        return _size(self.record.removed)

    @strawberry.field(
        description="The compressed size of `added`, in bytes: what a pull of `to` fetches where `from` is"
        " there already."
    )
    def added_bytes(self) -> BigInt:
        return _size(self.record.added)


def _layers(records: layers.Layers) -> list[Layer]:
    return [Layer(record=record) for record in records]


def _size(records: layers.Layers) -> BigInt:
    sizes = {record.descriptor.digest: record.descriptor.size_bytes for record in records}
    return BigInt(sum(sizes.values()))


@strawberry.type(description="A file in which two images differ.")
class FileChange:
    record: strawberry.Private[files.FileChange]

    @strawberry.field(description="Its path, without a `/` in front.")
    def path(self) -> str:
        return self.record.path

    @strawberry.field(
        description="What became of it; it has changed if its type, mode or content has, or where it leads."
    )
    def change(self) -> Change:
        return self.record.change

    @strawberry.field(name="from", description="What it was; null if it was not there.")
    def from_(self) -> ImageFile | None:
        return to_image_file(self.record.before) if self.record.before else None

    @strawberry.field(description="What it is; null if it is not there.")
    def to(self) -> ImageFile | None:
        return to_image_file(self.record.after) if self.record.after else None


@strawberry.type(description="A package, by ecosystem and name, of which two images have other versions.")
class PackageChange:
    record: strawberry.Private[packages.PackageChange]

    @strawberry.field(description="Who names and numbers it.")
    def ecosystem(self) -> Ecosystem:
        return self.record.ecosystem

    @strawberry.field(description="Its name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="What became of it.")
    def change(self) -> Change:
        return self.record.change

    @strawberry.field(description="The versions that `from` has, each once; at most 1,000.")
    def from_versions(self) -> list[str]:
        return list(self.record.before)

    @strawberry.field(description="The versions that `to` has, each once; at most 1,000.")
    def to_versions(self) -> list[str]:
        return list(self.record.after)


@strawberry.type(description="How many vulnerabilities of a severity are new, gone or stay.")
class VulnerabilityCounts:
    record: strawberry.Private[vulnerabilities.SeverityChanges]

    @strawberry.field(description="The severity.")
    def severity(self) -> Severity:
        return self.record.severity

    @strawberry.field(description="How many only `to` has.")
    def new_count(self) -> int:
        return self.record.numbers[VulnerabilityChange.NEW]

    @strawberry.field(description="How many only `from` has.")
    def gone_count(self) -> int:
        return self.record.numbers[VulnerabilityChange.GONE]

    @strawberry.field(description="How many both have.")
    def staying_count(self) -> int:
        return self.record.numbers[VulnerabilityChange.STAYING]


@strawberry.type(description="An advisory that concerns packages of one of two images, or of both.")
class ChangedVulnerability:
    record: strawberry.Private[vulnerabilities.ComparedVulnerability]

    @strawberry.field(description="The advisory.")
    def advisory(self) -> Advisory:
        return to_advisory(self.record.advisory)

    @strawberry.field(description="What became of it.")
    def change(self) -> VulnerabilityChange:
        return self.record.change

    @strawberry.field(description="The worst severity that it has in packages of `from`; null if in none.")
    def from_severity(self) -> Severity | None:
        return self.record.before

    @strawberry.field(description="The worst severity that it has in packages of `to`; null if in none.")
    def to_severity(self) -> Severity | None:
        return self.record.after
