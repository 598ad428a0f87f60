"""posable puts a photographed person into another pose."""
