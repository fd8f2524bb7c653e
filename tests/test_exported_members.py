"""What each public package shows: exactly these names, no more by accident and no fewer."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

EXPORTED = {
    "interlock": "Certificate ConceptShield Explanation HSets InterlockError __version__",
    "interlock.explain": """
        METRICS PERCENTAGES Curve Deletion Explanation Grey HSets Insertion Metric Prior
        PriorName Road RoadLeast Stability WeightSensitivity deletion gini grey insertion
        nonzero randomised_weights road stability take_away
    """,
    "interlock.explain.peers": "PEERS Explain Kind Peer PeerFactory explainer make_peer",
    "interlock.defend": """
        DEFENCES AdaptiveAttack BlackBoxPatchAttack CertifiedShield ConceptBank ConceptShield Defended
        Hardening Inspection LocalGradientsSmoothing PatchAttack PatchCard PatchCleanser Patched Place Row Scene
        StrongestSet UniversalPatchAttack Verdict harden make_defence
    """,
    "interlock.certify": """
        Attack Certificate CertificateCard Clusters DecayCurve Decision Judge LabelledVerdicts
        MeasuredCertificate ModelJudge NoPlan Perturbation Plan PopulationCertificate Prompt
        RefusalPhrases Reply SmoothLLM Target Verdict cluster find_clusters load_target plan
        read_attacks write_attacks
    """,
    "interlock.certify.judges": """
        Judge LabelledVerdicts ModelJudge RefusalPhrases Verdict measure_error
    """,
    "interlock.models": "Classifier load_classifier",
    "interlock.data": """
        LabelledFolder Sample Source decode_image list_images open_source read_image
    """,
    "interlock.lab": "Setting Study StudyError Totals read_study run_study",
    "interlock.report": """
        Advice Before CasePicture Chapter Exhibit Finding Grid Link Number Picture Problem Sentence ShareRow ShareTable
        campaign_chapters cases_chapters class_chapter comparison_chapter concepts_chapter evaluation_chapter
        exhibits_chapter explanation_chapter figures_chapter findings grids_chapter in_words pair_chapter
        region_picture render_page settings_chapter shield_chapter
    """,
}


def order(name: str) -> tuple[int, str]:
    """Constants, classes, functions; each by the alphabet."""
    plain = name.strip("_")
    return 0 if plain.isupper() else 1 if plain[0].isupper() else 2, name


@pytest.mark.parametrize("package", EXPORTED)
def test_a_package_shows_what_is_written_here(package: str) -> None:
    assert set(import_module(package).__all__) == set(EXPORTED[package].split())


@pytest.mark.parametrize("package", EXPORTED)
def test_each_name_is_there_once_in_order(package: str) -> None:
    module = import_module(package)
    names = list(module.__all__)
    assert names == sorted(set(names), key=order)
    for name in names:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", EXPORTED)
def test_nothing_else_is_public(package: str) -> None:
    module = import_module(package)
    for name in set(dir(module)) - set(module.__all__):
        if not name.startswith("_"):
            assert inspect.ismodule(getattr(module, name)), name
