"""Binds the values of a request to GraphQL variables, or refuses them.

Errors about a body read like the first line of a JSON Schema validator's, which clients know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
    is_scalar_type,
)

from rest_compat.compile import Plan
from rest_compat.forms import (
    ANY_CASE,
    AS_INTEGER,
    AS_TEXT,
    READ_FORMS,
    SPELLINGS,
    FormError,
    json_kinds,
    whole_number,
)
from rest_compat.params import Param
from rest_compat.problems import DEFAULT_TEXT, NOT_FOUND, Problem, message
from rest_compat.route import UNSET, Route
from rest_compat.shape import offset_of

Read = Callable[[Any], Any]

FALSE_TEXTS = frozenset({"false", "False", "FALSE", "0", "", "null"})
"""Texts that mean false; all others mean true, as in the reference."""

LAST_PAGE = 1_000_000
"""Later pages are read as this one, which is empty; keeps offsets within 64 bits."""

MAX_SHOWN_CHARACTERS = 200
"""Longest part of an invalid value that its error repeats."""


@dataclass(frozen=True)
class Cursors:
    """Cursors of the schema's connections: `offset(n)` skips n items, `is_cursor` checks a text."""

    offset: Callable[[int], str]
    is_cursor: Callable[[str], bool]


class BoundRequest(NamedTuple):
    """GraphQL variables, and the parameters as sent (`values`) for `@echo`."""

    variables: dict[str, Any]
    values: dict[str, Any]


class BindError(Exception):
    """A parameter is invalid. `kind` is required, type, enum, value or unknown."""

    def __init__(self, field: str, kind: str, problem: Problem, text: Any = None) -> None:
        super().__init__(text)
        self.field = field
        self.kind = kind
        self.problem = problem
        self.text = text


class ReadError(ValueError):
    """A value does not fit its type; `text` says why. `kind` as in `BindError`."""

    def __init__(self, kind: str, text: str | None = None) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class Binder:
    """Binds the requests of one route.

    Raises ValueError at start-up if the route does not fit its document.
    """

    def __init__(self, route: Route, plan: Plan, cursors: Cursors) -> None:
        declared = {param.name for param in plan.params}
        if missing := set(route.path_names) - declared:
            raise ValueError(f"{route.operation}: the document lacks ${min(missing)}, which the path names.")
        self._cursors = cursors
        self._strict = route.strict
        places = {param.name: place_of(route, param) for param in plan.params}
        self._path = [
            _ParamReader(p, _text_reader(p, cursors)) for p in plan.params if places[p.name] == "path"
        ]
        self._query = [
            _ParamReader(p, _text_reader(p, cursors)) for p in plan.params if places[p.name] == "query"
        ]
        self._body = [_ParamReader(p, _json_reader(p)) for p in plan.params if places[p.name] == "body"]
        self._whole = next((reader for reader in self._body if reader.param.place == "WHOLE_BODY"), None)
        self._known = {
            name for p in plan.params if places[p.name] == "body" for name in (p.name, p.also or p.name)
        }
        self._pages = [param for param in plan.params if param.form == "PAGE"]
        self._below = [param for param in plan.params if param.below is not None]
        if unknown := {param.below for param in self._below} - declared:
            raise ValueError(f"{route.operation}: @below names ${unknown.pop()}, which is not declared.")
        in_body = {reader.param.name: reader.param for reader in self._body}
        try:
            self._given = [(param, in_body[param.gives]) for param in plan.params if param.gives is not None]
        except KeyError as error:
            raise ValueError(
                f"{route.operation}: @gives names ${error.args[0]}, which the body lacks."
            ) from error
        self._any_of = route.any_of
        self.takes_body = bool(self._body)

    def bind(self, path: Mapping[str, str], query: Mapping[str, str], body: Any) -> BoundRequest:
        """Binds a request. Raises BindError for the first invalid value, in the order of the document."""
        bound = BoundRequest({}, {})
        for reader in self._path:
            self._bind_path(reader, path[reader.param.name], bound)
        for reader in self._query:
            self._bind_query(reader, query, bound)
        if self._body:
            self._bind_body(body, bound)
        for param in self._pages:
            self._bind_page(param, bound)
        for param in self._below:
            self._bind_below(param, bound)
        if self._any_of and not any(bound.values.get(name) for name in self._any_of):
            text = f"At least one of {', '.join(self._any_of)} must be given"
            raise BindError(self._any_of[0], "required", Problem(400), text)
        return bound

    def _bind_path(self, reader: _ParamReader, text: str, bound: BoundRequest) -> None:
        try:
            _store(reader.param, reader.read(text), bound)
        except ValueError as error:
            raise BindError(reader.param.name, "value", NOT_FOUND) from error

    def _bind_query(self, reader: _ParamReader, query: Mapping[str, str], bound: BoundRequest) -> None:
        param = reader.param
        text = query.get(param.name)
        if text is None and param.also is not None:
            text = query.get(param.also)
        if text is None or (text == "" and not reader.boolean):
            if param.required:
                raise BindError(param.name, "required", message(), {param.name: param.description})
            _store_default(param, bound)
            return
        try:
            _store(param, reader.read(text), bound)
        except ValueError as error:
            if param.lenient:
                _store_default(param, bound)
                return
            kind = error.kind if isinstance(error, ReadError) else "value"
            own = error.text if isinstance(error, ReadError) and param.form in READ_FORMS else None
            raise BindError(param.name, kind, message(), own or {param.name: param.description}) from error

    def _bind_body(self, body: Any, bound: BoundRequest) -> None:
        if self._whole is not None:
            self._bind_value(self._whole, body, bound)
            return
        if not isinstance(body, dict):
            raise BindError("", "type", Problem(400), _not_of_type(body, ("object",)))
        for reader in self._body:
            param = reader.param
            value = body.get(param.name, UNSET)
            if param.also is not None and param.also in body:
                if value is not UNSET and value != body[param.also]:
                    text = f"Only one of '{param.name}', '{param.also}' may be given"
                    raise BindError(param.name, "value", Problem(400), text)
                value = body[param.also]
            if value is not UNSET:
                self._bind_value(reader, value, bound)
            elif param.required:
                raise _missing(param)
            else:
                _store_default(param, bound)
        self._bind_given(bound)
        if self._strict and (unknown := [name for name in body if name not in self._known]):
            raise BindError(unknown[0], "unknown", Problem(400), _additional(unknown))

    def _bind_value(self, reader: _ParamReader, value: Any, bound: BoundRequest) -> None:
        param = reader.param
        if value is None and param.nullable:
            _store(param, None, bound)
            return
        try:
            _store(param, reader.read(value), bound)
        except ReadError as error:
            if param.lenient:
                _store_default(param, bound)
                return
            text = error.text or f"{_shortened(value)} is not a valid value of {param.name!r}"
            raise BindError(param.name, error.kind, Problem(400), text) from error

    def _bind_given(self, bound: BoundRequest) -> None:
        """Puts values that are another way to give a parameter into its place."""
        for param, target in self._given:
            if param.name not in bound.variables:
                continue
            if target.name in bound.variables:
                text = f"Only one of '{target.name}', '{param.name}' may be given"
                raise BindError(param.name, "value", Problem(400), text)
            bound.variables[target.name] = bound.variables.pop(param.name)
        for _, target in self._given:
            if target.name not in bound.variables and is_non_null_type(target.type):
                raise _missing(target)

    def _bind_page(self, param: Param, bound: BoundRequest) -> None:
        page = bound.variables.pop(param.name, None) or 1
        bound.values[param.name] = page
        size = param.page_size
        length = bound.variables.get(size, 0) if isinstance(size, str) else size or 0
        before = (min(page, LAST_PAGE) - 1) * length
        bound.values[offset_of(param.name)] = before
        if before:
            bound.variables[param.name] = self._cursors.offset(before)

    def _bind_below(self, param: Param, bound: BoundRequest) -> None:
        if param.name not in bound.values:
            return
        joined = f"{bound.values.get(param.below or '')}/{bound.values[param.name]}"
        try:
            bound.variables[param.name] = _scalar_reader(get_named_type(param.type))(joined)
        except ValueError as error:
            text = f"{_shortened(joined)} is not a valid value of {param.name!r}"
            raise BindError(param.name, "value", Problem(400), text) from error


class _ParamReader(NamedTuple):
    param: Param
    read: Read

    @property
    def boolean(self) -> bool:
        return get_named_type(self.param.type).name == "Boolean"


def place_of(route: Route, param: Param) -> str:
    """`path`, `query` or `body`."""
    if param.name in route.path_names:
        return "path"
    if param.place == "QUERY" or (route.method in ("GET", "DELETE") and param.place is None):
        return "query"
    return "body"


def _store(param: Param, value: Any, bound: BoundRequest) -> None:
    if param.only is not None and value not in param.only:
        raise ReadError("enum", f"{_shortened(value)} is not one of {list(param.only)!r}")
    bound.values[param.name] = value
    if not param.ignored:
        bound.variables[param.name] = value


def _store_default(param: Param, bound: BoundRequest) -> None:
    if param.default is not UNSET:
        _store(param, param.default, bound)


def _text_reader(param: Param, cursors: Cursors) -> Read:
    """The reader of a path or query value."""
    return _then(_without_nul, _plain_text_reader(param, cursors))


def _without_nul(text: str) -> str:
    # Names do not contain NUL, and PostgreSQL cannot store it.
    if "\0" in text:
        raise ReadError("value")
    return text


def _plain_text_reader(param: Param, cursors: Cursors) -> Read:
    named = get_named_type(param.type)
    if param.is_list:
        raise ValueError(f"${param.name}: a list can only be sent in a body.")
    if is_enum_type(named):
        return _enum_reader(named, param.form or "LOWER")
    if param.form == "CURSOR":
        return _accepted_by(cursors.is_cursor)
    if param.form is not None:
        read = _with_form_errors(READ_FORMS[param.form].read)
        return _then(read, _within_bounds(param, named.name)) if param.form == "PAGE" else read
    match named.name:
        case "Boolean":
            return lambda text: text not in FALSE_TEXTS
        case "Int" | "BigInt":
            return _then(whole_number, _within_bounds(param, named.name))
        case "Float":
            return float
    return _scalar_reader(named)


def _json_reader(param: Param) -> Read:
    """The reader of a JSON value of a body, without conversions between JSON types."""
    form = param.form
    nulls = ("null",) if param.nullable else ()
    if form in (AS_INTEGER, AS_TEXT):
        check = _of_json_type((READ_FORMS[form].kind, *nulls))
        return _then(check, _scalar_reader(get_named_type(param.type)))
    if param.below is not None:
        # `_bind_below` checks the type, after joining the two values.
        return _of_json_type(("string", *nulls))
    if form is not None and form not in SPELLINGS:
        return _then(_of_json_type((READ_FORMS[form].kind, *nulls)), _with_form_errors(READ_FORMS[form].read))
    read = _type_reader(param.type, form or "LOWER", nulls)
    named = get_named_type(param.type)
    if named.name in ("Int", "BigInt") and not param.is_list:
        return _then(read, _within_bounds(param, named.name))
    return read


def _type_reader(type_: GraphQLInputType, form: str, nulls: tuple[str, ...] = ()) -> Read:
    """The reader of a GraphQL type, without conversions; null is invalid unless `nulls` contains it."""
    if is_non_null_type(type_):
        return _type_reader(type_.of_type, form, nulls)
    if is_list_type(type_):
        inner = type_.of_type
        null = not is_non_null_type(inner)
        item = _type_reader(inner, form)
        check = _of_json_type(("array", *nulls))
        return lambda value: [None if null and part is None else item(part) for part in check(value)]
    if is_input_object_type(type_):
        return _then(_of_json_type(("object", *nulls)), _input_object_reader(type_, form))
    if is_enum_type(type_):
        return _then(_of_json_type(("string", *nulls)), _enum_reader(type_, form))
    return _then(_of_json_type((*json_kinds(get_named_type(type_)), *nulls)), _scalar_reader(type_))


def _input_object_reader(type_: GraphQLInputObjectType, form: str) -> Read:
    """Renames keys recursively: `activating_user` → `activatingUser`. Drops unknown keys."""
    names = {_snake_case(name): name for name in type_.fields}
    required = {snake: is_required_input_field(type_.fields[name]) for snake, name in names.items()}
    nullable = {snake: not is_non_null_type(type_.fields[name].type) for snake, name in names.items()}
    # Made when first needed, since input types may be recursive.
    readers: dict[str, Read] = {}

    def read(value: dict[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for snake, name in names.items():
            if snake not in value:
                if required[snake]:
                    raise ReadError("required", f"{snake!r} is a required property")
                continue
            if snake not in readers:
                readers[snake] = _type_reader(type_.fields[name].type, form)
            part = value[snake]
            out[name] = None if part is None and nullable[snake] else readers[snake](part)
        return out

    return read


def _enum_reader(type_: GraphQLEnumType, form: str) -> Read:
    spell = SPELLINGS[form]
    names: dict[str, str] = {spell(name): name for name in type_.values}

    def read(text: str) -> str:
        if (name := names.get(spell(text) if form == ANY_CASE else text)) is None:
            raise ReadError("enum", f"{_shortened(text)} is not one of {list(names)!r}")
        return name

    return read


def _scalar_reader(type_: Any) -> Read:
    """Validates a value with its scalar, and returns it as sent."""
    if not is_scalar_type(type_) or type_.name in ("String", "ID", "JSON", "Boolean"):
        return lambda value: value

    def read(value: Any) -> Any:
        try:
            type_.coerce_input_value(value)
        except Exception as error:
            # Scalars may raise any exception, with a message about the value.
            raise ReadError("value", str(error)) from error
        return value

    return read


def _with_form_errors(read: Read) -> Read:
    def formed(value: Any) -> Any:
        try:
            return read(value)
        except ValueError as error:
            raise ReadError("value", str(error) if isinstance(error, FormError) else None) from error

    return formed


def _accepted_by(accepts: Callable[[str], bool]) -> Read:
    def read(text: str) -> str:
        if not accepts(text):
            raise ReadError("value")
        return text

    return read


def _within_bounds(param: Param, type_name: str) -> Read:
    low, high = param.clamp or (None, None)
    least, most = param.range or (None, None)

    def read(number: int) -> int:
        if low is not None:
            number = max(low, number)
        if high is not None:
            number = min(high, number)
        if least is not None and number < least:
            raise ReadError("value", f"{number} is less than the minimum of {least}")
        if most is not None and number > most:
            raise ReadError("value", f"{number} is greater than the maximum of {most}")
        if type_name == "Int" and not -(2**31) <= number < 2**31:
            raise ReadError("value", f"{number} is not a 32-bit integer")
        return number

    return read


_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def _missing(param: Param) -> BindError:
    return BindError(param.name, "required", Problem(400), f"{param.name!r} is a required property")


def _of_json_type(kinds: tuple[str, ...]) -> Read:
    if "any" in kinds:
        return lambda value: value
    types = tuple(type_ for kind in kinds for type_ in _JSON_TYPES[kind])

    def read(value: Any) -> Any:
        # In Python, True is an integer; in JSON it is not.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ReadError("type", _not_of_type(value, kinds))
        return value

    return read


def _then(first: Read, second: Read) -> Read:
    return lambda value: second(first(value))


def _not_of_type(value: Any, kinds: tuple[str, ...]) -> str:
    return f"{_shortened(value)} is not of type {', '.join(repr(kind) for kind in kinds)}"


def _shortened(value: Any) -> str:
    """The value as a JSON Schema validator shows it, shortened."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "…"


def _additional(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names)
    return (
        f"Additional properties are not allowed ({shown} {'was' if len(names) == 1 else 'were'} unexpected)"
    )


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


UNPARSABLE_BODY = message(400, DEFAULT_TEXT[400])
UNSUPPORTED_MEDIA_TYPE = message(415, DEFAULT_TEXT[415])
BODY_TOO_LARGE = message(413, DEFAULT_TEXT[413])
MISSING_BODY = Problem(400, text="Missing JSON body")
