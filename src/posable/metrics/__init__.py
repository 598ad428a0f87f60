"""Measures of how good a generated picture is, one file each; none of them needs a download."""
