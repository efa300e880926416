"""The plugins of the test suite. A plugin comes after those that it imports."""

pytest_plugins = [
    "tests.plugins.requirements",
    "tests.plugins.halves",
    "tests.plugins.scratch",
    "tests.plugins.scale",
    "tests.plugins.clock",
    "tests.plugins.postgres",
    "tests.plugins.sockets",
    "tests.plugins.costs",
    "tests.plugins.plans",
    "tests.plugins.transactions",
    "tests.plugins.databases",
    "tests.plugins.content",
    "tests.plugins.issuers",
    "tests.plugins.s3",
    "tests.plugins.upstreams",
]
