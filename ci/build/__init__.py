"""Builds the package in every way that a user may meet, and runs the tests on what was built."""
