"""Blocks that several families share, one file a topic."""
