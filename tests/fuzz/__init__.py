"""Fuzzing: what becomes of an input, the inputs that are kept, and the harness that finds more.

`streams` and `values` are the targets: each tells from an input what to do and compares the twins.
test_fuzz.py replays the kept inputs; `python ci/fuzz.py --help` tells how more are found.
"""
