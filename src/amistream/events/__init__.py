"""The event classes, one module an Asterisk subsystem; import them from `core_events`."""
