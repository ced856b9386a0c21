"""What is wrong with a template, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class TemplateProblem:
    file: str
    line: int  # from 1, as the column
    column: int
    message: str  # one sentence: found, expected, what next

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class BadTemplate(Exception):
    """Carries every problem that was found before giving up on one template."""

    def __init__(self, problems: list[TemplateProblem]) -> None:
        super().__init__(*problems)
        self.problems = problems
