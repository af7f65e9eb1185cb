"""The run directory: the protocol through which workers and trainer meet.

Nothing is imported here: each file is one idea, and its name says which.
"""
