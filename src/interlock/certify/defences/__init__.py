"""Defences: what to ask about a prompt, and how many refusals refuse.

``smooth`` is :class:`~interlock.certify.vote.random_copies.RandomCopies` of a ``Perturbation``.
"""

from interlock.certify.defences.cascade import Cascade
from interlock.certify.defences.classifier import Classifier, with_classifier
from interlock.certify.defences.drop import DropWords
from interlock.certify.defences.erase import EraseAndCheck
from interlock.certify.defences.erase_certificate import EraseCertificate, certify_erasing
from interlock.certify.defences.perplexity import Perplexity, fit_perplexity
from interlock.certify.defences.self_check import SelfCheck
from interlock.certify.defences.text import defence_from, defence_text, parse_defence
from interlock.certify.vote.asks import Asks, Defence, Rule
from interlock.certify.vote.random_copies import RandomCopies

__all__ = [
    "Asks",
    "Cascade",
    "Classifier",
    "Defence",
    "DropWords",
    "EraseAndCheck",
    "EraseCertificate",
    "Perplexity",
    "RandomCopies",
    "Rule",
    "SelfCheck",
    "certify_erasing",
    "defence_from",
    "defence_text",
    "fit_perplexity",
    "parse_defence",
    "with_classifier",
]
