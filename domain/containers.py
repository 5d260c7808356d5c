"""The container that a step asks for: its image, and the account for the registry that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from domain.processes import CONTAINER_ACCOUNT, CONTAINER_IMAGE

NEED = "containers"
"""What a worker reports that has docker or podman."""

LONGEST_IMAGE = 500


def image_of(properties: Mapping[str, str]) -> str:
    """Not substituted; "" for directly on the worker."""
    return properties.get(CONTAINER_IMAGE, "").strip()


def texts(properties: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What values are put into: what sentences call it, and the template."""
    if image := image_of(properties):
        yield "container image", image
        if account := properties.get(CONTAINER_ACCOUNT, "").strip():
            yield "account of the registry", f"#{{{account}}}"


def needs(properties: Mapping[str, str], of_type: tuple[str, ...], programs: str) -> tuple[str, ...]:
    """What the machine must have: in a container, languages are the image's business."""
    if not image_of(properties):
        return of_type
    return (NEED, *(one for one in of_type if one == programs))


def filled(properties: Mapping[str, str], fill: Callable[[str], str]) -> dict[str, str]:
    """As the worker gets it; empty for directly on the worker. Raises what `fill` raises."""
    image = image_of(properties)
    if not image:
        return {}
    account = properties.get(CONTAINER_ACCOUNT, "").strip()
    found = {"image": fill(image)}
    for name, parts in (("username", ("Username",)), ("password", ("Password", "Token"))):
        for part in parts if account else ():
            template = f"#{{{account}.{part}}}"
            # What an account does not have stays as it is written.
            if (value := fill(template)) != template and value:
                found.setdefault(name, value)
    return found
