"""Findings, and their output formats."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

_SIGNS = {"*": "star", "%": "percent"}


@dataclass(frozen=True, order=True)
class Finding:
    """A fault: its place, the column, parameter or field, and what to do about it."""

    file: str
    line: int
    field: str
    problem: str
    remedy: str

    @property
    def rule(self) -> str:
        """The kind of part that is wrong: ``column``, ``parameter``, ``budget``, ``table``."""
        word = re.match(r"@?([a-z_]+)", self.field)
        return _SIGNS.get(self.field, "query") if word is None else word[1]

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


def as_sarif(findings: Iterable[Finding]) -> str:
    """Return the findings as a log of the Static Analysis Results Interchange Format, 2.1.0."""
    found = [*findings]
    rules = sorted({each.rule for each in found})
    return json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "skilltree",
                            "rules": [{"id": rule} for rule in rules],
                        }
                    },
                    "results": [
                        {
                            "ruleId": each.rule,
                            "level": "error",
                            "message": {"text": f"{each.field}: {each.problem}; {each.remedy}"},
                            "locations": [
                                {
                                    "physicalLocation": {
                                        "artifactLocation": {"uri": quote(each.file)},
                                        "region": {"startLine": each.line},
                                    }
                                }
                            ],
                        }
                        for each in found
                    ],
                }
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def as_junit(findings: Iterable[Finding], checked: Collection[str] = ()) -> str:
    """Return the findings as a JUnit report: a test case for each checked file, and for other files with findings."""
    by_file: dict[str, list[Finding]] = {name: [] for name in sorted(checked)}
    for each in findings:
        by_file.setdefault(each.file, []).append(each)
    failures = sum(bool(found) for found in by_file.values())
    suite = Element("testsuite", name="skilltree", tests=str(len(by_file)), failures=str(failures))
    for file, found in by_file.items():
        case = SubElement(suite, "testcase", name=file, classname="skilltree", file=file)
        if found:
            failure = SubElement(case, "failure", message=_printable(str(found[0])), type=found[0].rule)
            failure.text = _printable(as_text(found))
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True)


def _printable(text: str) -> str:
    """Return a text without the control characters that XML cannot hold."""
    return re.sub(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
