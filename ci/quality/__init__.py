"""Checks what the tests cannot: cost, generated stub, workflows, and the tests themselves."""
