"""The table of methods. A method is a row in the module of its kind, which is collected here."""

from collections.abc import Mapping
from typing import Final

from resolvers.notifications import bell_method, http_methods, mail_method
from resolvers.notifications.methods import MethodRow, NotificationMethod

METHODS: Final[Mapping[NotificationMethod, MethodRow]] = {
    row.method: row for row in (*http_methods.ROWS, *mail_method.ROWS, *bell_method.ROWS)
}
"""All methods by name."""
