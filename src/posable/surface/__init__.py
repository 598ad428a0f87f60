"""The textured person: a photograph hung on a fitted body once, then drawn in any pose."""
