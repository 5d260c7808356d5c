"""What can go wrong while a template is evaluated."""

from __future__ import annotations


class TemplateError(ValueError):
    """A template cannot be evaluated."""


class RecursionDetected(TemplateError):
    """A value refers to itself; `names` is the way round, its first name again at the end."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"{names[0]} refers to itself: {' → '.join(names)}")
        self.names = names


class ExpansionTooLarge(TemplateError):
    """The values put in grew beyond `limit` characters altogether."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The values put in come to more than {limit:,} characters")
        self.limit = limit


class EvaluationTooLong(TemplateError):
    """Repetitions within repetitions took more than `limit` steps."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Its #{{each}} blocks take more than {limit:,} steps")
        self.limit = limit
