"""Training: recipes say what, the loop does it."""
