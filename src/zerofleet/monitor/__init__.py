"""What people see of a run: terminal, tables, pictures."""
