"""Checks with names: what is wrong with a study, or could be better, each with its code."""

from study.analysis.checks.check import Check, Checked, Outcome, Severity
from study.analysis.checks.table import CHECKS, run_checks

__all__ = ["CHECKS", "Check", "Checked", "Outcome", "Severity", "run_checks"]
