"""The processes that serve: what becomes of one when an application forks it, and the memory that
several share.

Must never know: a loop, a connection, or who is called.
"""
