"""Layouts of banks' messages behind one port: what a bank wants is told by its profile."""
