"""Looks for memory errors, and for inputs on which the compiled and the pure twin differ."""
