"""The plugins of the test suite. One that imports from another stands after it."""

pytest_plugins = [
    "tests.plugins.requirements",
    "tests.plugins.scratch",
    "tests.plugins.scale",
    "tests.plugins.postgres",
    "tests.plugins.sockets",
    "tests.plugins.transactions",
    "tests.plugins.databases",
    "tests.plugins.content",
    "tests.plugins.issuers",
]
