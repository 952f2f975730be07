"""What every driver is held to, in the tree and out of it: `health-gateway driver test`, and this project's own tests.

A law is a function that yields what is wrong, in sentences; nothing when it holds. None needs a radio or a device: captures stand for both.
"""

from gateway.conformance.case import Case, case_of
from gateway.conformance.found import case_beside, check
from gateway.conformance.run import LAWS, Verdict, run

__all__ = ["LAWS", "Case", "Verdict", "case_beside", "case_of", "check", "run"]
