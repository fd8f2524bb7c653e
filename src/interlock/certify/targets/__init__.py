"""Language models to certify: behind an endpoint, recorded, or local (:mod:`.local`, with torch).

httpx and transformers are imported when a target of their kind is made, not here.
"""

from interlock.certify.targets.endpoint import EndpointTarget
from interlock.certify.targets.load import load_target
from interlock.certify.targets.protocol import Finish, Message, Prompt, Reply, Target
from interlock.certify.targets.recorded import RecordedTarget

__all__ = [
    "EndpointTarget",
    "Finish",
    "Message",
    "Prompt",
    "RecordedTarget",
    "Reply",
    "Target",
    "load_target",
]
