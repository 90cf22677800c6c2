"""Replays what a real cluster did, step by step, through the public face of the simulator, and compares.

``replay`` walks through the steps; ``stage`` holds the cluster and its cast; ``timing`` says when a step begins and how
late an answer may come. The verbs (what was done) and the sights (what was seen) lie in a file for each area.
"""

from __future__ import annotations

from tests.fidelity.recordings.replay import names_used, replay
from tests.fidelity.recordings.stage import AS_EVER, Conditions

__all__ = ["AS_EVER", "Conditions", "names_used", "replay"]
