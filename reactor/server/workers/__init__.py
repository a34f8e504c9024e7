"""Several processes that serve the same sockets: who starts, replaces, watches and ends them.

    supervisor ── generations ── mold         one for each import of the application
        │    └─── slots ──────── members      who fills each place, as its supervisor has it
        └──────── worker_watch   policy       who does not move, or holds too much
    worker                                    the other side: a process that serves

`sources`, `watching` and `doorbell` are what `--reload` adds.
"""
