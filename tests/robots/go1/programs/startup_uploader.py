"""Takes files by HTTP POST, as the vendor's uploader does. Usage: startup_uploader.py PORT. Keeps the newest only."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

MAX_BYTES = 1 << 20
PIECE = 4096


class Upload(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        self._answer(b"upload here\n")

    def do_POST(self) -> None:
        left = min(int(self.headers.get("Content-Length", "0")), MAX_BYTES)
        folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
        with open(os.path.join(folder, "uploaded.bin"), "wb", 0) as out:  # noqa: PTH118, PTH123
            while left:
                piece = self.rfile.read1(min(left, PIECE))
                if not piece:
                    return
                out.write(piece)
                left -= len(piece)
        self._answer(b"taken\n")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    HTTPServer(("", int(sys.argv[1])), Upload).serve_forever()
