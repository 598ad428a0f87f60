"""Defaults that every surface shares: Python, the command line, HTTP and the page."""

DEFAULT_MODEL = "puppet"
"""The shipped model that draws when none is named."""
