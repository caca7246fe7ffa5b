"""Which factors of training matter: search, confirmation, analysis and report."""

from importlib.metadata import version

__version__ = version("agecls-study")
