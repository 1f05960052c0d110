"""The event classes and lists, one module for each Asterisk subsystem.

Import them from `amistream.core_events`.
"""
