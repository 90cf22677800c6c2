"""What must hold in every run, and what became of every record: folds over a trace."""

from kafkasim.invariants.delivery import Delivery, delivery, leader_logs
from kafkasim.invariants.finding import Finding, Findings

__all__ = ["Delivery", "Finding", "Findings", "delivery", "leader_logs"]
