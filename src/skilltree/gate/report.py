"""Findings, and their output formats."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """A fault: its place, the column, parameter or field, and what to do about it."""

    file: str
    line: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.problem}; {self.remedy}"


def as_text(findings: Iterable[Finding]) -> str:
    """Return a line for each finding, in the form that compilers use."""
    return "\n".join(str(finding) for finding in findings)


def as_json(findings: Iterable[Finding]) -> str:
    """Return the findings as a JSON array of objects."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)


def as_github(findings: Iterable[Finding]) -> str:
    """Return the findings as workflow commands, which GitHub shows at the lines of a pull request."""
    return "\n".join(
        f"::error file={_property(finding.file)},line={finding.line},title={_property(finding.field)}"
        f"::{_data(f'{finding.problem}; {finding.remedy}')}"
        for finding in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
