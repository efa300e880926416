"""Explanations of pulls: what comes of one, and why."""

from typing import Annotated

import strawberry

from resolvers.gate import explanation
from resolvers.gate.explanation import PullExplanation as ExplanationRecord
from resolvers.gate.judgement import Finding, PullOutcome, Ruling
from resolvers.gate.policy import PullMode
from resolvers.scan.state import ScanState
from schema.context import Info
from schema.gate.policy import PullException, to_exception
from schema.inputs import PathArgument
from schema.limits import WEIGHT
from schema.manifests.manifest import Manifest, to_manifest
from schema.scalars import Digest
from schema.scan.severity import Severity

strawberry.enum(PullOutcome, name="PullOutcome", description="What comes of a pull.")


@strawberry.type(description="An advisory for which a pull policy does not allow an image.")
class PullFinding:
    record: strawberry.Private[Finding]

    @strawberry.field(description="Its name.")
    def name(self) -> str:
        return self.record.name

    @strawberry.field(description="The worst severity that it has in a package of the image.")
    def severity(self) -> Severity:
        return self.record.severity

    @strawberry.field(description="Whether a version is known that fixes it in one of the packages.")
    def is_fixable(self) -> bool:
        return self.record.is_fixable


@strawberry.type(description="What one policy says of a pull.")
class PullRuling:
    record: strawberry.Private[Ruling]

    @strawberry.field(description="Whether it is the policy of the repository, and not of its namespace.")
    def is_of_repository(self) -> bool:
        return self.record.policy.repository_id is not None

    @strawberry.field(description="What comes of the pull by this policy alone.")
    def outcome(self) -> PullOutcome:
        return self.record.outcome

    @strawberry.field(description="What the policy does about pulls that are against it.")
    def mode(self) -> PullMode:
        return self.record.policy.mode

    @strawberry.field(description="The least severity that it is about.")
    def min_severity(self) -> Severity:
        return self.record.policy.minimum

    @strawberry.field(description="Whether it overlooks what no version is known to fix.")
    def is_unfixed_allowed(self) -> bool:
        return self.record.policy.allows_unfixed

    @strawberry.field(description="Whether it is against images that are not scanned.")
    def is_scan_required(self) -> bool:
        return self.record.policy.requires_scan

    @strawberry.field(description="Whether it is against this image since that is not scanned.")
    def is_scan_missing(self) -> bool:
        return self.record.lacks_scan

    @strawberry.field(description="How many advisories it is against in this image.")
    def count(self) -> int:
        return self.record.count

    @strawberry.field(description="These advisories, the worst first; at most 20.")
    def findings(self) -> list[PullFinding]:
        return [PullFinding(record=one) for one in self.record.findings]

    @strawberry.field(description="The exceptions by which it overlooks others; at most 1,000.")
    def exceptions(self) -> list[PullException]:
        return [to_exception(one) for one in self.record.exceptions]


@strawberry.type(description="What comes of a pull of a manifest, and why.")
class PullExplanation:
    record: strawberry.Private[ExplanationRecord]

    @strawberry.field(description="The manifest.")
    def manifest(self) -> Manifest:
        return to_manifest(self.record.manifest)

    @strawberry.field(description="What comes of it: the worst that a policy makes of it.")
    def outcome(self) -> PullOutcome:
        return self.record.judgement.outcome

    @strawberry.field(
        description="What the refusal or the warning says, or the entry in the audit log; null if the pull is"
        " allowed."
    )
    def reason(self) -> str | None:
        worst = self.record.judgement.worst
        return worst.sentence(self.record.repository.path) if worst else None

    @strawberry.field(
        description="How far it is known what is in the image; null for what policies do not judge, such as"
        " an index, and where there is no policy."
    )
    def scan_state(self) -> ScanState | None:
        return next((one.state for one in self.record.judgement.rulings), None)

    @strawberry.field(
        description="What the policies of namespace and repository say; at most two, in this order."
    )
    def rulings(self) -> list[PullRuling]:
        return [PullRuling(record=one) for one in self.record.judgement.rulings]


@strawberry.type
class PullQuery:
    @strawberry.field(
        description="What comes of a pull by tag or digest, and why; decided by the same function as the pull"
        " itself. Give either of both. Null if there is none such. Requires `repo:read`.",
        metadata={WEIGHT: 20},
    )
    async def explain_pull(
        self,
        info: Info,
        repository: PathArgument,
        tag: Annotated[str | None, strawberry.argument(description="The name of a tag.")] = None,
        digest: Annotated[Digest | None, strawberry.argument(description="The digest of a manifest.")] = None,
    ) -> PullExplanation | None:
        record = await explanation.explain(info.context.context, repository, tag_name=tag, digest=digest)
        return PullExplanation(record=record) if record else None
