"""Judges: did the target refuse, or did it comply?"""

from interlock.certify.judges.judge import Judge, Verdict
from interlock.certify.judges.labelled import LabelledVerdicts, measure_error
from interlock.certify.judges.model import ModelJudge
from interlock.certify.judges.phrases import RefusalPhrases

__all__ = ["Judge", "LabelledVerdicts", "ModelJudge", "RefusalPhrases", "Verdict", "measure_error"]
