"""What both programs share: the clock, a small JSON server on loopback, and the ready file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

HOST: Final = "127.0.0.1"
SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
BODY_AT_MOST: Final = 64 * 1024 * 1024
READ_S: Final = 15.0
ASK_S: Final = 5.0
SERVER_ERROR: Final = 500
CLIENT_ERROR: Final = 400

Json = dict[str, Any]


class Fault(Exception):
    """A request that is answered with a code and a Chinese reason."""

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason


@dataclass(frozen=True, slots=True)
class Request:
    """One call: path without its query; header names in lower case."""

    method: str
    path: str
    asked: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    def json(self) -> Json:
        try:
            content = json.loads(self.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Fault(400, "E-JSON", "请求内容不是 JSON 对象。")
        return content


Answer = tuple[int, Json]


def now() -> datetime:
    """The real time of Asia/Shanghai, to the second."""
    return datetime.now(SHANGHAI).replace(microsecond=0)


class Server(ThreadingHTTPServer):
    """Threads that end with the program; `handle` is the program's own answer."""

    daemon_threads = True
    request_queue_size = 128
    handle: Callable[[Request], Answer]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


class Handler(BaseHTTPRequestHandler):
    """JSON in, JSON out; what is wrong with a request is said in words."""

    protocol_version = "HTTP/1.1"
    timeout = READ_S
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nothing: requests carry names and account numbers."""

    def _answer(self) -> None:
        try:
            status, content = self.server.handle(self._request())
        except Fault as fault:
            status, content = fault.status, {"code": fault.code, "reason": fault.reason}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = f"请求缺少字段或写法不对（{type(error).__name__}）。"
            status, content = 400, {"code": "E-FIELD", "reason": reason}
        except sqlite3.Error as error:
            status, content = 500, {"code": "E-BOOKS", "reason": f"账本暂时不可用：{error}"}
        body = json.dumps(content, ensure_ascii=False).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _request(self) -> Request:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > BODY_AT_MOST:
            self.close_connection = True
            raise Fault(413, "E-SIZE", "请求内容过大或没有长度。")
        body = self.rfile.read(int(length))
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = dict(parse_qsl(address.query))
        return Request(self.command, address.path, asked, headers, body)


def serve_json(handle: Callable[[Request], Answer], port: int = 0) -> Server:
    """A server bound to loopback, answering in threads; started, to be shut down by the caller."""
    server = Server((HOST, port), Handler)
    server.handle = handle
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def ask(url: str, path: str, content: Json) -> Answer | None:
    """POST to the other program: its status and answer; None where no clear answer came."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or HOST, address.port, timeout=ASK_S)
    try:
        body = json.dumps(content, ensure_ascii=False).encode()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    if response.status >= SERVER_ERROR or not isinstance(answer, dict):
        return None
    return response.status, answer


def url_of(server: ThreadingHTTPServer) -> str:
    return f"http://{HOST}:{server.server_address[1]}"


def write_ready(path: Path, content: Json) -> None:
    """All of it or nothing: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    apart = path.with_name(path.name + ".tmp")
    handle = os.open(apart, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
    apart.replace(path)
