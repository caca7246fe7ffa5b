from tests.hostile.cases import TRIED


def pytest_terminal_summary(terminalreporter):
    """How many examples the properties of this folder were tried on."""
    if TRIED:
        terminalreporter.write_line(f"hostile input: {TRIED.total():,} examples tried")
