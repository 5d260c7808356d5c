"""Lists of resources, page by page, in the form that all clients read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from common.api.parsing import EVERYTHING

#: Rows of a page unless the client or the resource says otherwise.
TAKE = 30


def collection(
    items: Sequence[Any],
    *,
    item_type: str,
    total: int,
    skip: int,
    take: int,
    path: str,
    query: Mapping[str, str],
) -> dict[str, Any]:
    """`items` are serialized; `query` is what the list was narrowed to, without skip and take."""
    size = max(take, 1)
    pages = max(1, -(-total // size))

    def link(start: int) -> str:
        return f"{path}?{urlencode({**query, 'skip': start, 'take': size})}"

    links = {
        "Self": link(skip),
        "Template": f"{path}{{?skip,take,ids,partialName}}",
        "Page.All": f"{path}?{urlencode({**query, 'skip': 0, 'take': EVERYTHING})}",
        "Page.Current": link(skip),
        "Page.Last": link((pages - 1) * size),
    }
    if skip + take < total and take:
        links["Page.Next"] = link(skip + size)
    return {
        "ItemType": item_type,
        "TotalResults": total,
        "ItemsPerPage": take,
        "NumberOfPages": pages,
        "LastPageNumber": pages - 1,
        "Items": items,
        "Links": links,
    }


def schema(items: Mapping[str, Any], item_type: str) -> dict[str, Any]:
    """The form of a collection in OpenAPI."""
    number = {"type": "integer"}
    properties: dict[str, Any] = {
        "ItemType": {"type": "string", "example": item_type},
        "TotalResults": number,
        "ItemsPerPage": number,
        "NumberOfPages": number,
        "LastPageNumber": {**number, "description": "Counted from 0."},
        "Items": {"type": "array", "items": items},
        "Links": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
