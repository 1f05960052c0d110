"""Fuzzing: the targets, the kept inputs, and the harness that finds more inputs.

`streams` and `values` are the targets: each decodes an input, runs it and compares the twins.
test_fuzz.py replays the kept inputs; `python ci/fuzz.py --help` tells how more are found.
"""
