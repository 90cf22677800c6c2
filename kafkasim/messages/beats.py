"""Signs of life: the messages that change nothing but clocks, and are computed while nothing is wrong (sim/lease)."""

from __future__ import annotations

from kafkasim.messages.groups import HeartbeatRequest, HeartbeatResponse
from kafkasim.messages.zookeeper import PingRequest, PingResponse

BEATS = frozenset({HeartbeatRequest, HeartbeatResponse, PingRequest, PingResponse})
"""Beats and their answers. They have a chance of their own, and on a sound link they hold up no other message."""
