"""`/userfiles/<id>`: where contexts of builds are uploaded; the id in the address authorizes."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.bodies import allow_pauses
from quayside.http.context_factory import ContextFactory
from resolvers.access.viewer import ANONYMOUS
from resolvers.builds import context_file
from resolvers.errors import Invalid, NotFound


def context_file_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The route; 404 for an address that is unknown, used or older than a day."""

    async def put(request: Request) -> Response:
        allow_pauses(request.scope)
        context = contexts().context(request, ANONYMOUS, max_first=1)
        try:
            await context_file.put(context, request.path_params["identity"], request.stream())
        except NotFound as error:
            raise HTTPException(404) from error
        except Invalid as error:
            raise HTTPException(413, error.message) from error
        return Response(status_code=200)

    return [Route("/userfiles/{identity}", put, methods=["PUT"])]
