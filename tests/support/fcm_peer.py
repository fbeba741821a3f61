#!/usr/bin/env python3
"""A stand-in for FCM HTTP v1 and Google's token endpoint that forgives nothing.

The assertion is verified by another library (RFC 7523, RS256); access tokens really expire. Every body is held against
the reference of projects.messages; what breaks a rule is answered with INVALID_ARGUMENT and written to the log as a
fault. The beginning of a registration token scripts the answer:

    dead- 404 UNREGISTERED        sender- 403 SENDER_ID_MISMATCH     field- 400 INVALID_ARGUMENT on message.token
    quota- 429 with Retry-After 7 500- INTERNAL   503- UNAVAILABLE   html- 502 with a page   silent- no answer
    apnsauth- 401 THIRD_PARTY_AUTH_ERROR                             noproject- 404 without detail

--token-script lists what the token endpoint does first, in order: ok, a status, or "dud" (a token the API then refuses
with 401). The log has one JSON object a line.
"""

import argparse
import base64
import http.server
import json
import re
import secrets
import threading
import time
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Fault(Exception):
    pass


def unpadded(text):
    if "=" in text:
        raise Fault("padding in the assertion")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def need(condition, words):
    if not condition:
        raise Fault(words)


class Peer:
    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.log_file = open(options.log, "a", encoding="utf-8")
        self.script = [s for s in options.token_script.split(",") if s]
        self.tokens = {}  # token -> (expires, dud)
        with open(options.public_key, "rb") as pem:
            self.key = serialization.load_pem_public_key(pem.read())

    def log(self, **entry):
        with self.lock:
            self.log_file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self.log_file.flush()

    def check_assertion(self, form):
        need(form.get("grant_type") == [GRANT] and set(form) == {"grant_type", "assertion"}, "form fields")
        try:
            head, claims, signature = form["assertion"][0].split(".")
            self.key.verify(unpadded(signature), (head + "." + claims).encode(), padding.PKCS1v15(), hashes.SHA256())
            header, said = json.loads(unpadded(head)), json.loads(unpadded(claims))
        except (ValueError, InvalidSignature) as problem:
            raise Fault("assertion: %r" % problem) from problem
        need(header == {"alg": "RS256", "typ": "JWT", "kid": self.options.kid}, "assertion header")
        need(set(said) == {"iss", "scope", "aud", "iat", "exp"}, "assertion claims")
        need(said["iss"] == self.options.email and said["scope"] == SCOPE, "issuer or scope")
        need(said["aud"] == "http://127.0.0.1:%d/token" % self.options.port, "audience")
        need(0 < said["exp"] - said["iat"] <= 3600 and abs(time.time() - said["iat"]) < 60, "times")

    def grant(self, form):
        with self.lock:
            step = self.script.pop(0) if self.script else "ok"
        if step not in ("ok", "dud"):
            body = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return int(step), body if step == "400" else {}
        self.check_assertion(form)
        token = "ya29." + secrets.token_urlsafe(24)
        with self.lock:
            self.tokens[token] = (time.monotonic() + self.options.expires_in, step == "dud")
        return 200, {"access_token": token, "expires_in": self.options.expires_in, "token_type": "Bearer"}

    def authorised(self, value):
        with self.lock:
            expires, dud = self.tokens.get(value.removeprefix("Bearer "), (0, True))
        return value.startswith("Bearer ") and time.monotonic() < expires and not dud

    def check_message(self, document):
        need(set(document) == {"message"}, "top-level fields")
        message = document["message"]
        need(len({"token", "fid", "topic", "condition"} & set(message)) == 1, "exactly one target")
        need(set(message) <= {"token", "fid", "data", "notification", "android", "apns"}, "message fields")
        data = message.get("data", {})
        need(all(isinstance(v, str) for v in data.values()), "data values must be strings")
        need(not any(k == "from" or k.startswith(("google", "gcm")) for k in data), "reserved data key")
        notification = message.get("notification", {})
        need(set(notification) <= {"title", "body"}, "notification fields")
        size = len(json.dumps(notification, ensure_ascii=False).encode()) + len(
            json.dumps(data, ensure_ascii=False).encode())
        need(size <= 4096 + 64, "too big")  # the spaces of json.dumps
        android = message.get("android", {})
        need(set(android) <= {"priority", "ttl", "collapse_key", "notification"}, "android fields")
        need(android.get("priority", "NORMAL") in ("NORMAL", "HIGH"), "priority")
        ttl = re.match(r"^([0-9]+)s$", android.get("ttl", "0s"))
        need(ttl and int(ttl.group(1)) <= 2419200, "ttl")
        need(set(android.get("notification", {})) <= {"tag"}, "android notification fields")
        apns = message.get("apns", {})
        need(set(apns) <= {"headers"}, "apns fields")
        headers = apns.get("headers", {})
        need(all(isinstance(v, str) for v in headers.values()), "apns headers must be strings")
        need(len(headers.get("apns-collapse-id", "").encode()) <= 64, "apns-collapse-id")
        return message.get("token") or message["fid"]

    def send(self, document):
        """Status, body, extra headers; a status of 0 is silence."""
        try:
            address = self.check_message(document)
        except (Fault, KeyError, TypeError, AttributeError) as problem:
            return 400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT"), {}, repr(problem)
        prefix = address.split("-")[0] if "-" in address else ""
        scripted = {
            "dead": (404, error("NOT_FOUND", "UNREGISTERED", address), {}),
            "sender": (403, error("PERMISSION_DENIED", "SENDER_ID_MISMATCH"), {}),
            "field": (400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT", address, "message.token"), {}),
            "quota": (429, error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), {"Retry-After": "7"}),
            "500": (500, error("INTERNAL", "INTERNAL"), {}),
            "503": (503, error("UNAVAILABLE", "UNAVAILABLE"), {}),
            "html": (502, None, {}),
            "silent": (0, None, {}),
            "apnsauth": (401, error("UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), {}),
            "noproject": (404, error("NOT_FOUND"), {}),
        }
        name = "projects/%s/messages/0:%s" % (self.options.project, secrets.token_hex(8))
        return (*scripted.get(prefix, (200, {"name": name}, {})), None)


def error(status, code=None, words="no luck", field=None):
    body = {"code": 1, "message": words, "status": status, "details": []}
    if code:
        body["details"].append({"@type": FCM_ERROR, "errorCode": code})
    if field:
        body["details"].append({"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": "bad"}]})
    return {"error": body}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer = None

    def log_message(self, *_):
        pass

    def reply(self, status, body, extra=None):
        data = b"<html>Bad gateway</html>" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if body is None else "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            try:
                need(self.headers["Content-Type"] == "application/x-www-form-urlencoded", "content type")
                status, answer = self.peer.grant(urllib.parse.parse_qs(body.decode(), strict_parsing=True))
            except (Fault, ValueError) as problem:
                self.peer.log(event="token", status=400, fault=repr(problem))
                return self.reply(400, {"error": "invalid_grant"})
            self.peer.log(event="token", status=status)
            return self.reply(status, answer)
        if self.path != "/v1/projects/%s/messages:send" % self.peer.options.project:
            self.peer.log(event="send", status=404, fault="path " + self.path)
            return self.reply(404, error("NOT_FOUND"))
        if not self.peer.authorised(self.headers.get("Authorization", "")):
            self.peer.log(event="send", status=401)
            return self.reply(401, error("UNAUTHENTICATED"))
        document, fault = None, None
        try:
            need(self.headers["Content-Type"].lower().startswith("application/json"), "content type")
            document = json.loads(body.decode("utf-8"))
        except (Fault, ValueError) as problem:
            fault = repr(problem)
        status, answer, extra, wrong = self.peer.send(document)
        fault = fault or wrong
        self.peer.log(event="send", status=status, document=document, **({"fault": fault} if fault else {}))
        if status == 0:
            time.sleep(30)
            self.close_connection = True
            return None
        return self.reply(status, answer, extra)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--public-key", required=True)
    parser.add_argument("--project", default="bank-app")
    parser.add_argument("--email", default="push@bank-app.iam.gserviceaccount.com")
    parser.add_argument("--kid", default="k1")
    parser.add_argument("--expires-in", type=int, default=3600)
    parser.add_argument("--token-script", default="")
    parser.add_argument("--log", required=True)
    Handler.peer = Peer(parser.parse_args())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", Handler.peer.options.port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
