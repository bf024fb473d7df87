"""A server that opens its port late, answers one request and leaves."""

import http.server
import sys
import time


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here I am")


time.sleep(1.5)
with http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer) as server:
    print("listening on port", sys.argv[1], flush=True)
    server.handle_request()
