"""The site of test_wsgi_frameworks.py, in Django: settings, urls and views in one file."""

import io
import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import (
    FileResponse,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path

BIG = os.environ["SITE_FILE"]
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    LOGGING_CONFIG=None,
    SECRET_KEY="of a test",
)
django.setup()


def page(request, name):
    return HttpResponse(f"page of {name}")


def query(request):
    return JsonResponse(dict(request.GET.lists()))


def cookies(request):
    response = JsonResponse(request.COOKIES)
    response.set_cookie("one", "1", httponly=True)
    response.set_cookie("two", "2")
    return response


def form(request):
    return JsonResponse(dict(request.POST.lists()))


def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"name": file.name, "size": len(file.read()), "note": request.POST["note"]})


def echo(request):
    return HttpResponse(request.body, content_type="application/octet-stream")


def stream(request):
    pieces = (f"piece {number}\n" for number in range(1000))
    return StreamingHttpResponse(pieces, content_type="text/plain")


def file(request):
    file = open(BIG, "rb")  # noqa: SIM115 - FileResponse closes it
    return FileResponse(file, content_type="application/octet-stream")


def memory_file(request):
    return FileResponse(io.BytesIO(b"in memory"), filename="m.txt")


def redirected(request):
    return HttpResponseRedirect("/page/target")


def empty(request):
    return HttpResponse(status=204)


def teapot(request):
    return HttpResponse("teapot", status=418)


def error(request):
    raise ValueError("a secret of the application")


def broken_stream(request):
    def pieces():
        yield b"first"
        raise ValueError("in the middle")

    return StreamingHttpResponse(pieces())


urlpatterns = [
    path("page/<name>", page), path("query", query), path("cookies", cookies),
    path("form", form), path("upload", upload), path("echo", echo), path("stream", stream),
    path("file", file), path("memory-file", memory_file), path("redirect", redirected),
    path("empty", empty), path("teapot", teapot), path("error", error),
    path("broken-stream", broken_stream),
]  # fmt: skip
app = get_wsgi_application()
