"""A stack of our own: each step is a generator that yields the steps that it waits for."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

Step = Generator[Any, Any, Any]


def run(first: Step) -> Any:
    """Drive a step to its end and give its result."""
    stack, value = [first], None
    while stack:
        try:
            stack.append(stack[-1].send(value))
            value = None
        except StopIteration as finished:
            stack.pop()
            value = finished.value
    return value
