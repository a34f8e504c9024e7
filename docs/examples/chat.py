"""A chat over WebSocket: whatever somebody says is said to all, the page included.

python -m reactor serve --app-dir docs/examples chat:app
"""

from reactor import Response, WebSocket

PAGE = """<!doctype html><title>Chat</title><ul id=said></ul><input autofocus>
<script>
const socket = new WebSocket(location.href.replace(/^http/, "ws") + "chat")
socket.onmessage = (event) => {
  const line = document.createElement("li")
  line.textContent = event.data
  said.append(line)
}
document.querySelector("input").onchange = (event) => {
  socket.send(event.target.value)
  event.target.value = ""
}
</script>
"""


HERE = set()


class Chat(WebSocket):
    def on_open(self, request):
        HERE.add(self)

    def on_message(self, data):
        for one in HERE:
            if one.room:  # who does not take what was said before misses this
                one.send(data)

    def on_close(self, code, reason):
        HERE.discard(self)


def app(request):
    if request.path == "/chat":
        return request.websocket(Chat)
    return Response(200, {"Content-Type": "text/html; charset=utf-8"}, PAGE)
