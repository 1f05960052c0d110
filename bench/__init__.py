"""What the parser costs, beside its peers: `python -m bench` runs it all from the checkout."""
