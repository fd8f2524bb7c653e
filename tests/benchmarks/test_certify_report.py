"""The table of a certificate's report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import certify_report


def family(name: str, lower: float, *, certified: bool) -> dict[str, object]:
    held_out = {"attacks": 30, "dsp": 0.5, "low": 0.25, "high": 0.75}
    return {
        "family": name,
        "attacks": {"fit": 1, "certify": 60, "held_out": 30},
        "groups": 59,
        "undefended": {"attack": {"share": 0.98}},
        "certified": certified,
        "lower": lower,
        "formula": 0.9996,
        "held_out": held_out if certified else None,
    }


def test_a_row_for_each_kind_of_attack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certify_report, "OUT", tmp_path)
    offers = [
        {"perturbation": kind, "rate": rate, "answered": answered, "asked": 40}
        for kind, rate, answered in (("swap", 0.15, 1), ("insert", 0.1, 2), ("insert", 0.15, 39))
    ]
    told = {
        "setting": {"perturbation": "insert", "rate": 0.15, "copies": 7},
        "offers": offers,
        "families": [
            family("gcg", 0.947, certified=True),
            family("role-play", 0.01, certified=False),
        ],
    }
    (tmp_path / "results.json").write_text(json.dumps(told))
    assert certify_report.main([str(tmp_path / "results.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "insert, q = 15%, N = 7; 39 of 40 benign prompts answered."
    assert lines[-2] == (
        "| gcg | 60 | 59 | 0.980 | 0.947 | yes | 1.000 | 30 | 0.500 | 0.250 to 0.750 |"
    )
    # The bound stands there without a certificate, too.
    assert lines[-1] == "| role-play | 60 | 59 | 0.980 | 0.010 | none | 1.000 | none |  |  |"


def test_no_setting_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.json").write_text('{"setting": null, "no_setting": "nothing works"}')
    assert certify_report.main([str(tmp_path / "results.json")]) == 1
    assert capsys.readouterr().err == "error: the report found no setting: nothing works\n"
