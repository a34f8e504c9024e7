"""Server-sent events: a clock, which a browser shows, and goes on where it lost the connection.

    python -m reactor serve --app-dir docs/examples ticker:app

Between two ticks others are served. `reactor.events` takes an iterable that is no async one: with
`--model threads` it may wait.
"""

import asyncio

from reactor import Response, last_event_id
from reactor.aio import events

PAGE = """<!doctype html><title>Ticks</title><p id=tick>
<script>
new EventSource("/ticks").onmessage = (event) => { tick.textContent = event.data }
</script>
"""


async def ticks(first, pause_s=1.0):
    number = first
    while True:
        yield {"id": str(number), "data": f"tick {number}"}
        number += 1
        await asyncio.sleep(pause_s)


async def app(request):
    if request.path == "/ticks":
        seen = last_event_id(request)
        return events(ticks(int(seen) + 1 if seen.isdecimal() else 0), retry_s=1)
    return Response(200, {"Content-Type": "text/html; charset=utf-8"}, PAGE)
