"""A web server on loopback whose every answer a test decides, with or without TLS."""

import ssl
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Self


class WebServer:
    """Answers each path by `pages`; `asked` holds the request lines and Host headers in order, `posted` headers and bodies."""

    def __init__(self, pages: dict[str, Callable[[BaseHTTPRequestHandler], None]], context: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.posted: list[tuple[Message, bytes]] = []
        self.closing = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.command, self.path, self.headers["Host"]))
                pages[self.path](self)

            def do_POST(self) -> None:
                outer.posted.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def page(data: bytes, status: int = 200, *, promised: int | None = None, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer of `data`; `promised` is what Content-Length says instead, -1 says nothing."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        if promised != -1:
            request.send_header("Content-Length", str(len(data) if promised is None else promised))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(data)

    return answer


def moved(to: str, status: int = 302) -> Callable[[BaseHTTPRequestHandler], None]:
    return page(b"", status, Location=to)
