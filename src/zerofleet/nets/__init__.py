"""Networks: shapes, weights, files. Submodules are imported by name; only some need torch."""
