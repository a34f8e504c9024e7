"""The site of test_asgi_sites.py, in Django, with WebSockets by Channels."""

import asyncio
import hashlib
import os

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.static import serve

BIG = os.environ["SITE_FILE"]
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    INSTALLED_APPS=["channels"],
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    LOGGING_CONFIG=None,
    SECRET_KEY="of a test",
)
django.setup()
done = []
tasks = set()


async def page(request, name):
    return HttpResponse(f"page of {name}")


def query(request):  # in a thread
    return JsonResponse(dict(request.GET.lists()))


async def form(request):
    return JsonResponse(dict(request.POST.lists()))


async def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"name": file.name, "size": len(file.read()), "note": request.POST["note"]})


def digest(request):
    found = hashlib.sha256()
    while piece := request.read(65536):
        found.update(piece)
    return HttpResponse(found.hexdigest())


async def stream(request):
    async def pieces():
        for number in range(1000):
            yield f"piece {number}\n"

    return StreamingHttpResponse(pieces(), content_type="text/plain")


async def events(request):
    async def pieces():
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.01)

    return StreamingHttpResponse(pieces(), content_type="text/event-stream")


def session(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse(request.session["visits"], safe=False)


async def background(request):
    async def later():
        await asyncio.sleep(0.05)
        done.append("one")

    task = asyncio.create_task(later())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return HttpResponse("soon")


async def finished(request):
    return JsonResponse(done, safe=False)


async def file(request):
    return FileResponse(open(BIG, "rb"))


async def empty(request):
    return HttpResponse(status=204)


async def error(request):
    raise ValueError("a secret of the application")


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data)


urlpatterns = [
    path("page/<name>", page), path("query", query), path("form", form), path("upload", upload),
    path("digest", digest), path("stream", stream), path("events", events),
    path("session", session), path("background", background), path("finished", finished),
    path("file", file), path("empty", empty), path("error", error),
    path("static/<path>", serve, {"document_root": os.path.dirname(BIG)}),
]  # fmt: skip
app = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("echo", Echo.as_asgi())]),
    }
)
