"""Pictures of a trace, each with its text twin. A view sees a trace and nothing else of the cluster."""

from kafkasim.views.frames import partition_log_frame, spacetime_frame
from kafkasim.views.panel import Panel, panel
from kafkasim.views.partition_log import partition_log
from kafkasim.views.show import show
from kafkasim.views.spacetime import spacetime
from kafkasim.views.text import describe_partition_log, describe_spacetime

__all__ = [
    "Panel",
    "describe_partition_log",
    "describe_spacetime",
    "panel",
    "partition_log",
    "partition_log_frame",
    "show",
    "spacetime",
    "spacetime_frame",
]
