"""The parametric body, and how it is fitted to the keypoints of a pose."""
