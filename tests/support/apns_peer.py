#!/usr/bin/env python3
"""A stand-in for APNs that forgives nothing: HTTP/2 over TLS with ALPN, provider tokens verified by another library.

Every request is held against Apple's documentation ("Sending notification requests to APNs", "Establishing a token-based
connection to APNs"). What breaks a rule is answered as Apple would and written to the log as a fault. The first request of
a connection must succeed before a second stream is allowed. The beginning of a device token scripts the answer:

    d410 410 Unregistered       b400 400 BadDeviceToken      a429 429 TooManyRequests    5503 503 ServiceUnavailable
    5502 502 with an HTML page  eeee 400 with a new reason   e403 403 ExpiredProviderToken, always
    e401 403 ExpiredProviderToken on the first connection    60a0 GOAWAY that excludes the stream, then close
    60a1 GOAWAY that covers it, then close                   5e5e RST_STREAM INTERNAL_ERROR
    5ef0 RST_STREAM REFUSED_STREAM the first time            0000 no answer, ever

The log has one JSON object a line.
"""

import argparse
import base64
import json
import re
import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
KNOWN = {"apns-topic", "apns-push-type", "apns-priority", "apns-id", "apns-expiration", "apns-collapse-id",
         "authorization", "content-type", "content-length", "user-agent", "accept", "accept-encoding"}


class Refusal(Exception):
    def __init__(self, status, reason, fault):
        super().__init__(fault)
        self.status, self.reason, self.fault = status, reason, fault


def unpadded(text):
    if "=" in text:
        raise ValueError("padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Peer:
    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.log_file = open(options.log, "a", encoding="utf-8")
        self.connections = 0
        self.refused = set()
        self.key = None
        if options.public_key:
            with open(options.public_key, "rb") as pem:
                self.key = serialization.load_pem_public_key(pem.read())

    def log(self, **entry):
        with self.lock:
            self.log_file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self.log_file.flush()

    def check_token(self, value):
        if not value.startswith("bearer "):
            raise Refusal(403, "MissingProviderToken", "authorization is not 'bearer <token>'")
        try:
            head, claims, signature = value[7:].split(".")
            raw = unpadded(signature)
            if len(raw) != 64:
                raise ValueError("signature of %d bytes" % len(raw))
            der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            self.key.verify(der, (head + "." + claims).encode(), ec.ECDSA(hashes.SHA256()))
            header, said = json.loads(unpadded(head)), json.loads(unpadded(claims))
        except (ValueError, InvalidSignature) as problem:
            raise Refusal(403, "InvalidProviderToken", "token: %r" % problem) from problem
        if header.get("alg") != "ES256" or header.get("kid") != self.options.kid:
            raise Refusal(403, "InvalidProviderToken", "token header")
        if said.get("iss") != self.options.team or set(said) != {"iss", "iat"}:
            raise Refusal(403, "InvalidProviderToken", "token claims")
        if type(said["iat"]) is not int or abs(time.time() - said["iat"]) > 3600:
            raise Refusal(403, "ExpiredProviderToken", "iat an hour off")

    def check(self, headers, body):
        names = [name for name, _ in headers]
        if len(names) != len(set(names)):
            raise Refusal(400, "DuplicateHeaders", "duplicate headers")
        fields = dict(headers)
        unknown = {n for n in names if not n.startswith(":")} - KNOWN
        if unknown:
            raise Refusal(400, "BadPath", "headers nobody asked for: %s" % sorted(unknown))
        if fields.get(":method") != "POST":
            raise Refusal(405, "MethodNotAllowed", "method")
        if fields.get(":scheme") != "https":
            raise Refusal(400, "BadPath", "scheme")
        path = re.match(r"^/3/device/([0-9a-fA-F]*)$", fields.get(":path", ""))
        if not path:
            raise Refusal(404, "BadPath", "path")
        if self.key:
            self.check_token(fields.get("authorization", ""))
        elif "authorization" in fields:
            raise Refusal(400, "BadPath", "a token beside a certificate")
        topic = fields.get("apns-topic")
        if not topic:
            raise Refusal(400, "MissingTopic", "no topic")
        if topic != self.options.topic:
            raise Refusal(400, "TopicDisallowed", "topic")
        if fields.get("apns-push-type") not in ("alert", "background"):
            raise Refusal(400, "InvalidPushType", "push type")
        if fields.get("apns-priority", "10") not in ("10", "5", "1"):
            raise Refusal(400, "BadPriority", "priority")
        if not UUID.match(fields.get("apns-id", "")):
            raise Refusal(400, "BadMessageId", "apns-id")
        if "apns-expiration" in fields and not re.match(r"^[0-9]{1,10}$", fields["apns-expiration"]):
            raise Refusal(400, "BadExpirationDate", "expiration")
        if len(fields.get("apns-collapse-id", "").encode()) > 64:
            raise Refusal(400, "BadCollapseId", "collapse id")
        if not path.group(1):
            raise Refusal(400, "MissingDeviceToken", "no device token")
        if len(path.group(1)) % 2:
            raise Refusal(400, "BadDeviceToken", "odd device token")
        if len(body) > 4096:
            raise Refusal(413, "PayloadTooLarge", "payload")
        try:
            payload = json.loads(body.decode("utf-8"))
            aps = payload["aps"]
            if fields["apns-push-type"] == "alert":
                alert = aps["alert"]
                if not isinstance(alert["body"], str) or not set(alert) <= {"title", "body"}:
                    raise ValueError("alert")
            elif aps != {"content-available": 1}:
                raise ValueError("background aps")
        except (ValueError, KeyError, TypeError) as problem:
            raise Refusal(400, "PayloadEmpty", "payload: %r" % problem) from problem
        return path.group(1), payload

    def serve(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.options.cert, self.options.key)
        context.set_alpn_protocols(["h2"])
        if self.options.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.options.client_ca)
        listener = socket.create_server(("127.0.0.1", self.options.port), backlog=64)
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=self.guarded, args=(context, plain), daemon=True).start()

    def guarded(self, context, plain):
        try:
            plain.settimeout(60)
            with context.wrap_socket(plain, server_side=True) as secure:
                if secure.selected_alpn_protocol() != "h2":
                    self.log(event="fault", fault="no h2 in ALPN")
                    return
                with self.lock:
                    self.connections += 1
                    number = self.connections
                self.log(event="connection", connection=number, tls=secure.version())
                Conversation(self, secure, number).run()
        except h2.exceptions.ProtocolError as problem:
            self.log(event="fault", fault="protocol: %r" % problem)
        except OSError:
            pass


class Conversation:
    def __init__(self, peer, secure, number):
        self.peer, self.secure, self.number = peer, secure, number
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests = {}
        self.warm = peer.key is None
        self.closing = False

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.secure.sendall(data)

    def run(self):
        first = self.peer.options.max_streams if self.warm else 1
        self.h2.local_settings = h2.settings.Settings(
            client=False, initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: first,
                                          h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self.h2.initiate_connection()
        self.flush()
        while not self.closing:
            data = self.secure.recv(65536)
            if not data:
                return
            for event in self.h2.receive_data(data):
                self.handle(event)
            self.flush()

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = (event.headers, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id][1].extend(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            headers, body = self.requests.pop(event.stream_id)
            self.answer(event.stream_id, [tuple(h) for h in headers], bytes(body))

    def respond(self, stream, status, headers, body=b""):
        self.h2.send_headers(stream, [(":status", str(status))] + headers, end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)

    def answer(self, stream, headers, body):
        fields = dict(headers)
        identity = [("apns-id", fields.get("apns-id", "00000000-0000-0000-0000-000000000000"))]
        entry = {"event": "request", "connection": self.number, "stream": stream, "headers": fields}
        try:
            token, payload = self.peer.check(headers, body)
        except Refusal as refusal:
            self.peer.log(**entry, status=refusal.status, reason=refusal.reason, fault=refusal.fault)
            self.respond(stream, refusal.status, identity, json.dumps({"reason": refusal.reason}).encode())
            return
        entry.update(token=token, payload=payload)
        status, reason, extra = self.script(token)
        self.peer.log(**entry, status=status, reason=reason)
        if status == 200:
            if not self.warm:
                self.warm = True
                self.h2.update_settings(
                    {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.peer.options.max_streams})
            self.respond(stream, 200, identity)
        elif reason == "html":
            self.respond(stream, status, identity + [("content-type", "text/html")], b"<html>Bad gateway</html>")
        elif status >= 400:
            self.respond(stream, status, identity, json.dumps({"reason": reason, **extra}).encode())
        elif reason == "goaway":
            self.h2.close_connection(h2.errors.ErrorCodes.NO_ERROR,
                                     additional_data=json.dumps({"reason": "Shutdown"}).encode(),
                                     last_stream_id=extra["below"] and stream - 2 or stream)
            self.closing = True
        elif reason == "reset":
            self.h2.reset_stream(stream, extra["code"])

    def script(self, token):
        prefix = token[:4]
        if prefix == "d410":
            return 410, "Unregistered", {"timestamp": 1700000000123}
        if prefix in ("b400", "a429", "5503", "eeee"):
            return {"b400": (400, "BadDeviceToken", {}), "a429": (429, "TooManyRequests", {}),
                    "5503": (503, "ServiceUnavailable", {}), "eeee": (400, "NewIn2031", {})}[prefix]
        if prefix == "5502":
            return 502, "html", {}
        if prefix == "e403" or (prefix == "e401" and self.number == 1):
            return 403, "ExpiredProviderToken", {}
        if prefix in ("60a0", "60a1"):
            return 0, "goaway", {"below": prefix == "60a0"}
        if prefix == "5e5e":
            return 0, "reset", {"code": h2.errors.ErrorCodes.INTERNAL_ERROR}
        if prefix == "5ef0":
            with self.peer.lock:
                again = token in self.peer.refused
                self.peer.refused.add(token)
            return (200, "", {}) if again else (0, "reset", {"code": h2.errors.ErrorCodes.REFUSED_STREAM})
        if prefix == "0000":
            return 0, "silence", {}
        return 200, "", {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--public-key", help="PEM; absent: certificate authentication")
    parser.add_argument("--client-ca")
    parser.add_argument("--team", default="TEAM123456")
    parser.add_argument("--kid", default="ABC123DEFG")
    parser.add_argument("--topic", default="com.bank.app")
    parser.add_argument("--max-streams", type=int, default=100)
    parser.add_argument("--log", required=True)
    Peer(parser.parse_args()).serve()


if __name__ == "__main__":
    main()
