"""A Git repository that answers without a server, where only what is made of the answer matters."""

from dataclasses import dataclass, field

from resolvers.builds.git import GitRemote, Reached, References
from resolvers.errors import Invalid

FIRST, SECOND = "a" * 40, "b" * 40


@dataclass
class FakeGit:
    """It has two branches and a tag, and notes how it was asked."""

    asked: list[GitRemote] = field(default_factory=list)

    async def check_url(self, url: str) -> None:
        if url.startswith("file:"):
            raise Invalid("Such an address is not asked.")

    async def references(self, remote: GitRemote) -> tuple[References, Reached]:
        self.asked.append(remote)
        commits = {"refs/heads/main": FIRST, "refs/heads/next": SECOND, "refs/tags/v1": SECOND}
        return References("main", commits), Reached("git.example.com ssh-ed25519 AAAA\n")
