"""An SMTP server that keeps each mail as a JSON file: mail_sink.py FOLDER PORT.

MAIL_TLS (none, starttls, implicit) with the certificate FOLDER/cert.pem for localhost, made at the first start; MAIL_USER and
MAIL_PASSWORD: clients must log in; MAIL_REJECT, MAIL_DEFER: recipients that match are answered with 550 and 451. A file FOLDER/defer
defers everything while it is there.
"""
import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER, PORT = sys.argv[1], int(sys.argv[2])
MODE = os.environ.get("MAIL_TLS", "none")
USER, PASSWORD = os.environ.get("MAIL_USER"), os.environ.get("MAIL_PASSWORD", "")
REJECT, DEFER = os.environ.get("MAIL_REJECT"), os.environ.get("MAIL_DEFER")


class Sink:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if REJECT and re.search(REJECT, address):
            return "550 5.1.1 no such mailbox"
        if DEFER and re.search(DEFER, address) or os.path.exists(f"{FOLDER}/defer"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain", "html"))  # of a mail with attachments, too
        Sink.count += 1
        kept = {
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "headers": {k: str(v) for k, v in mail.items()},
            "text": body.get_content() if body else "", "tls": server.transport.get_extra_info("ssl_object") is not None,
            "raw": envelope.content.decode("utf-8", "replace"),
        }
        name = f"{FOLDER}/{time.time_ns()}-{Sink.count}.json"
        with open(name + ".part", "w") as file:
            json.dump(kept, file)
        os.rename(name + ".part", name)
        return "250 2.0.0 kept"


def check(server, session, envelope, mechanism, data):
    good = data.login.decode() == USER and data.password.decode() == PASSWORD
    return AuthResult(success=good, auth_data=data if good else None, handled=good)


def certificate():
    if not os.path.exists(f"{FOLDER}/cert.pem"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{FOLDER}/key.pem", "-out", f"{FOLDER}/cert.pem"],
                       check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{FOLDER}/cert.pem", f"{FOLDER}/key.pem")
    return context


async def main():
    context = certificate() if MODE != "none" else None

    def make():
        return SMTP(Sink(), hostname="localhost", tls_context=context if MODE == "starttls" else None, require_starttls=MODE == "starttls",
                    authenticator=check if USER else None, auth_required=bool(USER), auth_require_tls=False, enable_SMTPUTF8=True)

    loop = asyncio.get_running_loop()
    done = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: done.done() or done.set_result(None))
    server = await loop.create_server(make, "127.0.0.1", PORT, ssl=context if MODE == "implicit" else None)
    port = server.sockets[0].getsockname()[1]
    print(f"ready {'smtps' if MODE == 'implicit' else 'smtp'}://localhost:{port}", flush=True)
    await done
    server.close()

asyncio.run(main())
