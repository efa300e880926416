"""Notifications of repositories; and, which the reference does not list, of organizations and of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from rest_compat.chapter import chapter
from rest_compat.owners import ORGANIZATION, REPOSITORY, USER, owned
from rest_compat.problems import Problem, ProblemKey, message
from rest_compat.route import Check, Route

_NONE = "No repository notification found"
_UNKNOWN: Mapping[ProblemKey, Problem] = {
    "NOT_FOUND": Problem(400),
    ("NOT_FOUND", "owner"): Problem(400, text=_NONE),
}
_CHOICES: Mapping[ProblemKey, Problem] = {
    ("event", "enum"): Problem(400, text="event: there is no such event, or none such here"),
    ("method", "enum"): Problem(400, text="method: there is no such method"),
}
_OF_REPOSITORY = f"{REPOSITORY.path}/notification/"
_ONE = _OF_REPOSITORY + "{uuid}"
_REPOSITORY = replace(REPOSITORY, path=_OF_REPOSITORY, check=Check.ACCESS)
_ORGANIZATION = replace(ORGANIZATION, path=f"{ORGANIZATION.path}/notifications/")
_USER = replace(
    USER,
    word="UserNamespace",
    root="namespace",
    path="/user/namespacenotifications/",
    check=Check.LOGIN,
    scope_enforced=True,
)
_of_repository = partial(Route, scope=REPOSITORY.scope, check=Check.ACCESS)
_of_namespace = partial(Route, internal=True, flags=("QUOTA_NOTIFICATIONS",))

CHAPTER = chapter(
    "repositorynotification",
    "Tell others of what happens in a repository.",
    _of_repository(
        "listRepoNotifications",
        "GET",
        _OF_REPOSITORY,
        null_answer={"notifications": []},
        document="ListRepositoryNotifications",
    ),
    _of_repository(
        "createRepoNotification",
        "POST",
        _OF_REPOSITORY,
        status=201,
        problems=_CHOICES,
        document="CreateRepositoryNotification",
    ),
    _of_repository("getRepoNotification", "GET", _ONE, document="GetRepositoryNotification"),
    _of_repository(
        "deleteRepoNotification",
        "DELETE",
        _ONE,
        status=204,
        problems=_UNKNOWN,
        document="DeleteRepositoryNotification",
    ),
    _of_repository(
        "testRepoNotification",
        "POST",
        f"{_ONE}/test",
        status=201,
        observed=200,
        body={},
        optional_body=True,
        problems=_UNKNOWN,
        document="TestRepositoryNotification",
    ),
    _of_repository(
        "resetRepoNotification",
        "POST",
        f"{_ONE}/reset",
        body={},
        optional_body=True,
        internal=True,
        problems=_UNKNOWN,
        document="ResetRepositoryNotificationFailures",
    ),
    owned(
        (_REPOSITORY,),
        Route(
            "reset{Owner}NotificationFailures",
            "POST",
            "{owner}{uuid}",
            status=204,
            optional_body=True,
            problems={**_UNKNOWN, ("NOT_FOUND", "owner"): message(text=_NONE)},
        ),
    ),
    owned(
        (_ORGANIZATION, _USER),
        _of_namespace("list{Owner}Notifications", "GET", "{owner}"),
        _of_namespace("create{Owner}Notification", "POST", "{owner}", status=201, problems=_CHOICES),
        _of_namespace("get{Owner}Notification", "GET", "{owner}{uuid}"),
        _of_namespace("delete{Owner}Notification", "DELETE", "{owner}{uuid}", status=204, problems=_UNKNOWN),
        _of_namespace(
            "test{Owner}Notification",
            "POST",
            "{owner}{uuid}/test",
            body={},
            optional_body=True,
            problems=_UNKNOWN,
        ),
        _of_namespace(
            "reset{Owner}NotificationFailures",
            "POST",
            "{owner}{uuid}",
            status=204,
            optional_body=True,
            problems=_UNKNOWN,
        ),
    ),
)
