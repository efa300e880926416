"""Credentials of a trigger: the texts that its owner takes to the service, or to the Git repository."""

from urllib.parse import urlsplit

from resolvers.builds.triggers.services import TriggerService
from resolvers.builds.triggers.trigger import TriggerRecord
from resolvers.context import Context


def credentials_of(context: Context, found: TriggerRecord) -> list[tuple[str, str]]:
    """The names and values of what an administrator pastes elsewhere. Raises `SecretUnreadable`.

    What tells of pushes to any Git repository has the token in the address; services sign with the secret.
    """
    decrypt = context.secrets.decrypt
    named = [("SSH Public Key", found.public_key)] if found.public_key else []
    if found.service is TriggerService.CUSTOM_GIT:
        token = decrypt(found.write_token_encrypted) if found.write_token_encrypted else ""
        return [*named, ("Webhook Endpoint URL", _address(context, found, f"$token:{token}@"))]
    named.append(("Webhook Endpoint URL", _address(context, found, "")))
    if found.webhook_secret_encrypted:
        named.append(("Webhook Secret", decrypt(found.webhook_secret_encrypted)))
    return named


def _address(context: Context, found: TriggerRecord, login: str) -> str:
    public = urlsplit(context.site.public_url)
    path = f"{public.path.rstrip('/')}/webhooks/push/trigger/{found.uuid}"
    return f"{public.scheme}://{login}{public.netloc}{path}"
