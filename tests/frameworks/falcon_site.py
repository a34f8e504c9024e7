"""The site of test_wsgi_frameworks.py, in Falcon."""

import io
import os

import falcon

BIG = os.environ["SITE_FILE"]
app = falcon.App()
app.req_options.auto_parse_qs_csv = False


def page(request, response, name):
    response.text = f"page of {name}"


def query(request, response):
    response.media = {name: request.get_param_as_list(name) for name in request.params}


def cookies(request, response):
    response.media = dict(request.cookies)
    response.set_cookie("one", "1", secure=False)
    response.set_cookie("two", "2", secure=False)


def form(request, response):
    fields = request.get_media()
    response.media = {k: v if isinstance(v, list) else [v] for k, v in fields.items()}


def upload(request, response):
    found = {}
    for part in request.get_media():
        if part.name == "file":
            found.update(name=part.filename, size=len(part.stream.read()))
        else:
            found[part.name] = part.text
    response.media = found


def echo(request, response):
    response.content_type = "application/octet-stream"
    response.data = request.bounded_stream.read()


def stream(request, response):
    response.content_type = "text/plain"
    response.stream = (b"piece %d\n" % number for number in range(1000))


def file(request, response):
    response.content_type = "application/octet-stream"
    response.set_stream(open(BIG, "rb"), os.path.getsize(BIG))  # noqa: SIM115 - closed by WSGI


def memory_file(request, response):
    response.stream = io.BytesIO(b"in memory")


def redirected(request, response):
    raise falcon.HTTPFound("/page/target")


def empty(request, response):
    response.status = falcon.HTTP_204


def teapot(request, response):
    response.status = falcon.HTTP_418


def error(request, response):
    raise ValueError("a secret of the application")


def broken_stream(request, response):
    def pieces():
        yield b"first"
        raise ValueError("in the middle")

    response.stream = pieces()


class Resource:
    def __init__(self, function, method):
        setattr(self, f"on_{method}", function)


for path, function, method in (
    ("/page/{name}", page, "get"), ("/query", query, "get"), ("/cookies", cookies, "get"),
    ("/form", form, "post"), ("/upload", upload, "post"), ("/echo", echo, "post"),
    ("/stream", stream, "get"), ("/file", file, "get"), ("/memory-file", memory_file, "get"),
    ("/redirect", redirected, "get"), ("/empty", empty, "get"), ("/teapot", teapot, "get"),
    ("/error", error, "get"), ("/broken-stream", broken_stream, "get"),
):  # fmt: skip
    app.add_route(path, Resource(function, method))
