"""Documents compiled to plans: closures that call resolvers and fill answers, without asking the schema.

graphql-core decides for each value what it is and how to complete it; a plan has decided that once for a
document. What it decides is the same, in the same order, and the functions that it calls are: resolvers,
guards, loaders, coercion of input, serialization, and `located_error`. graphql-core runs what has no plan,
and the tests compare both (`tests/schema/plans`).

    cache     which documents have plans
    plan      one operation: its variables, and a program for each choice of its @skip and @include
    compiler  selections to closures
    calls     how a resolver is called
    values    what becomes of its value
    run       the state of one execution

No plan: subscriptions, introspection but for `__typename`, directives on an operation, arguments of
fragments, types that decide by a function of their own, and operations of more than `MAX_FIELDS` fields.
"""
