"""What auto-prune policies say of one tag."""

import strawberry

from resolvers.pruning.policy import PruneMethod
from resolvers.pruning.selection import Ruling, Verdict
from schema.scalars import PruneValue

strawberry.enum(Verdict, name="PruneVerdict", description="What an auto-prune policy says of a tag.")


@strawberry.type(description="What an auto-prune policy says of a tag.")
class PruneRuling:
    record: strawberry.Private[Ruling]

    @strawberry.field(description="The policy, by its `uuid`.")
    def policy_uuid(self) -> str:
        return self.record.policy.uuid

    @strawberry.field(description="Whether it is a policy of the namespace, not of the repository.")
    def is_of_namespace(self) -> bool:
        return self.record.policy.repository_id is None

    @strawberry.field(description="What it goes by.")
    def method(self) -> PruneMethod:
        return self.record.policy.method

    @strawberry.field(description="How many of the newest tags stay, or the age at which tags end.")
    def value(self) -> PruneValue:
        return self.record.policy.parameter

    @strawberry.field(description="What it says.")
    def verdict(self) -> Verdict:
        return self.record.verdict

    @strawberry.field(
        description="The tag's place among those that the policy counts, the newest being 1; null where it"
        " does not count it."
    )
    def rank(self) -> int | None:
        return self.record.rank
