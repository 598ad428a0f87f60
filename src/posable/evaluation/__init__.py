"""Evaluation under a named protocol: pairs are drawn, kept as pictures, measured, and told in a report."""
