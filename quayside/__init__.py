"""The application: settings, wiring, HTTP, `/v2`, workers, command line and web pages."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - Whoever runs it all the same gets a sentence.
    sys.exit(f"quayside needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")
