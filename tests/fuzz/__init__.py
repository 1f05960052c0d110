"""Fuzzing: the targets, the kept inputs, and the harness that finds more inputs.

`streams` and `values` are the targets: each decodes an input, runs it and compares the twins.
test_fuzz.py replays the kept inputs; `python -m ci.safety fuzz --help` explains how more are found.
"""
