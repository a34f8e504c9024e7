"""The process that serves: what becomes of it when an application forks it.

Must never know: a loop, a connection, or who is called.
"""
