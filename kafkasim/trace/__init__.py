"""The trace: facts, the journal that writes them, and the questions that can be asked of them."""

from kafkasim.trace import facts
from kafkasim.trace.causes import Why
from kafkasim.trace.fact import Fact
from kafkasim.trace.journal import Journal
from kafkasim.trace.state import State
from kafkasim.trace.story import Story
from kafkasim.trace.trace import KINDS, Trace

__all__ = ["KINDS", "Fact", "Journal", "State", "Story", "Trace", "Why", "facts"]
