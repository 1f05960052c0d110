"""The checks that need more than one command; `nox -l` lists how they are run.

Each package is a command with subcommands: `python -m ci.build --help`. It runs in the root of the
checkout, with the extra `dev` installed.
"""
