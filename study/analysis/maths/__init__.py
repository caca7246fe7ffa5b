"""Estimators and intervals over arrays; no table, no study's folder."""
