"""Measures the site from outside: its processes, its port and its database. Imports nothing of it."""
