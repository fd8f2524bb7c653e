"""Classifiers behind one small face: the embedded one, ``transformers`` models, your own."""

from interlock.models.classifier import Classifier
from interlock.models.loading import load_classifier

__all__ = ["Classifier", "load_classifier"]
