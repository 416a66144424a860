"""Makes the pages of a list, and the cursors between them. A cursor is the key of the last row of a page."""

import base64
from functools import cache

from pydantic import TypeAdapter

from skilltree._core.messages import shown
from skilltree._core.rows import M, Params, limited
from skilltree.errors import InvalidCursor
from skilltree.models.base import Model, Page


@cache
def _cursor_of(model: type[Model], order: tuple[str, ...]) -> TypeAdapter[tuple[object, ...]]:
    types = tuple(model.model_fields[name].annotation for name in order)
    # The type is built at run time, which a type checker cannot follow.
    return TypeAdapter(tuple[types])  # type: ignore[valid-type]


def page_params(model: type[Model], order: tuple[str, ...], after: str | None, limit: int) -> Params:
    """Return the parameters of a page: the key of the row before it, and a limit one row above the page's."""
    limited(limit, "limit")
    key: tuple[object, ...] = (None,) * len(order)
    if after is not None:
        try:
            key = _cursor_of(model, order).validate_json(base64.urlsafe_b64decode(str.encode(after)))
        except (TypeError, ValueError) as error:
            raise InvalidCursor(f"not a cursor of this list: {shown(after)}", field="after") from error
    return {f"after_{name}": value for name, value in zip(order, key, strict=True)} | {"limit": limit + 1}


def page_of(model: type[M], order: tuple[str, ...], found: list[M], limit: int) -> Page[M]:
    """Return a page. An extra row is dropped: it only shows that there is a next page."""
    items = tuple(found[:limit])
    if len(found) <= limit:
        return Page(items=items, next_cursor=None)
    key = tuple(getattr(items[-1], name) for name in order)
    cursor = base64.urlsafe_b64encode(_cursor_of(model, order).dump_json(key)).decode()
    return Page(items=items, next_cursor=cursor)
