"""The formats in which findings are printed: for people, editors, GitHub, code scanning and test reports."""

import json
from xml.etree import ElementTree

from skilltree.gate.report import Finding, as_junit, as_sarif

FOUND = [
    Finding("queries/trees/load.sql", 7, 'parameter "slug"', "load does not pass it", "pass it"),
    Finding("queries/trees/load.sql", 1, "@budget", "is missing", "write one"),
    Finding("src/models.py", 3, "*", "stands for \x00 unnamed columns", "name them"),
]


def test_findings_become_a_sarif_log_with_a_rule_and_a_place_for_each() -> None:
    log = json.loads(as_sarif(FOUND))

    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [each["id"] for each in run["tool"]["driver"]["rules"]] == ["budget", "parameter", "star"]
    assert [each["ruleId"] for each in run["results"]] == ["parameter", "budget", "star"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "queries/trees/load.sql"}, "region": {"startLine": 7}}
    assert run["results"][1]["message"]["text"] == "@budget: is missing; write one"


def test_the_name_of_a_file_is_a_valid_address_in_a_sarif_log() -> None:
    log = json.loads(as_sarif([Finding("my queries/größe 100%.sql", 1, "x", "y", "z")]))

    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "my%20queries/gr%C3%B6%C3%9Fe%20100%25.sql"}


def test_findings_become_a_junit_report_in_which_other_files_pass() -> None:
    suite = ElementTree.fromstring(as_junit(FOUND, ["queries/trees/load.sql", "queries/trees/get.sql"]))  # noqa: S314

    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    failed = {case.get("name"): case.find("failure") for case in suite}
    assert failed["queries/trees/get.sql"] is None
    failure = failed["queries/trees/load.sql"]
    assert failure is not None
    assert failure.get("type") == "parameter"
    assert (failure.text or "").count("queries/trees/load.sql:") == 2
    assert "\ufffd" in (failed["src/models.py"].get("message") or "")  # type: ignore[union-attr]


def test_no_findings_are_valid_documents_too() -> None:
    assert json.loads(as_sarif([]))["runs"][0]["results"] == []
    assert ElementTree.fromstring(as_junit([], [])).get("tests") == "0"  # noqa: S314
