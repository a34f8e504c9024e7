"""A crawler: every page of one host that its links lead to, six at a time, in one thread.

python docs/examples/crawler.py http://127.0.0.1:8000/
"""

import re
import sys
from urllib.parse import urldefrag, urljoin, urlsplit

from reactor import Reactor
from reactor.client import Client

LINK = re.compile(rb"""href=["']?([^"'> ]+)""")
PAGES_MAX, PAGE_BYTES_MAX = 1000, 1_000_000


class Crawler:
    def __init__(self, client, start, on_idle):
        self.client, self.host, self.on_idle = client, urlsplit(start).netloc, on_idle
        self.found = {}  # URL: status, or the error
        self.open = 0
        self.fetch(start)

    def fetch(self, url):
        if url in self.found or len(self.found) >= PAGES_MAX:
            return
        self.found[url] = None
        self.open += 1
        body = bytearray()

        def on_head(response, transfer):
            self.found[url] = response.status

        def on_body(data):
            if len(body) < PAGE_BYTES_MAX:
                body.extend(data)

        def on_done(error):
            if error is not None:
                self.found[url] = str(error)
            for link in LINK.findall(body):
                self.follow(urljoin(url, link.decode("latin-1")))
            self.open -= 1
            if not self.open:
                self.on_idle()

        self.client.request("GET", url, on_head=on_head, on_body=on_body, on_done=on_done)

    def follow(self, link):
        link = urldefrag(link)[0]
        if urlsplit(link).scheme in ("http", "https") and urlsplit(link).netloc == self.host:
            self.fetch(link)


def main(start):
    with Reactor() as reactor, Client(reactor) as client:
        crawler = Crawler(client, start, reactor.stop)
        reactor.run()
    for url, status in sorted(crawler.found.items()):
        print(status, url)


if __name__ == "__main__":
    main(sys.argv[1])
