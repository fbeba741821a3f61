#!/usr/bin/env python3
"""An HTTP/2 server over TLS that does to a request what its address asks for, in the dialects of APNs and FCM.

What our requests say is held against the documentation elsewhere (apns_peer.py, fcm_peer.py); here only the transport
misbehaves. The address begins with four hexadecimal digits that name the fault:

    0000 none                       001x RST_STREAM with error code x       (0017: REFUSED_STREAM)
    0020 GOAWAY below the stream, then close        0021 GOAWAY that covers it, then close
    0022 GOAWAY that covers it, then the answer, then close                 0023 GOAWAY below, left open
    0030 connection closed before the answer        0031 after its headers  0032 in the middle of its body
    0033 a 503 that breaks off in its body
    0040 MAX_CONCURRENT_STREAMS 0 for a moment, then as before              0041 down to 1, and left so
    0042 INITIAL_WINDOW_SIZE 1 for a moment, with windows opened again     0043 down to 1 and never opened
    0050 no answer, ever            0051 the answer after a moment
    0060 429                        0061 429, Retry-After: 7                0062 429, Retry-After as a date in 90 s
    0070 503                        0071 503, Retry-After: 7

With a fifth digit 1 the fault happens to the first request of that address only. /token grants an access token.
The log has one JSON object a line; "request" is written for each request that came whole, "taken" when the server
promised nothing to the contrary.
"""

import argparse
import email.utils
import json
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

MAX = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS
MOMENT = 0.15
WINDOW = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE


class Peer:
    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.log_file = open(options.log, "a", encoding="utf-8")
        self.seen = {}

    def log(self, **entry):
        with self.lock:
            self.log_file.write(json.dumps(entry) + "\n")
            self.log_file.flush()

    def fault_of(self, address):
        with self.lock:
            count = self.seen[address] = self.seen.get(address, 0) + 1
        if len(address) > 4 and address[4] == "1" and count > 1:
            return "0000"
        return address[:4]

    def serve(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.options.cert, self.options.key)
        context.set_alpn_protocols(["h2"])
        listener = socket.create_server(("127.0.0.1", self.options.port), backlog=64)
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=self.guarded, args=(context, plain), daemon=True).start()

    def guarded(self, context, plain):
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(60)
            with context.wrap_socket(plain, server_side=True) as secure:
                if secure.selected_alpn_protocol() != "h2":
                    self.log(event="without h2")  # libcurl comes so after HTTP_1_1_REQUIRED
                    return
                self.log(event="connection")
                Conversation(self, secure).run()
        except h2.exceptions.ProtocolError as problem:
            self.log(event="fault", fault="protocol: %r" % problem)
        except OSError:
            pass


class Conversation:
    """One connection. Its own thread reads; what is due later is done between two reads."""

    def __init__(self, peer, secure):
        self.peer, self.secure = peer, secure
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests = {}
        self.later = []
        self.closing = False
        self.stalled = False
        self.unsettled = [{}]  # SETTINGS on their way, the first of them at the beginning, and those that wait
        self.highest_taken = 0

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.secure.sendall(data)

    def after(self, seconds, deed):
        self.later.append((time.monotonic() + seconds, deed))

    def settle(self, values):
        """One frame of SETTINGS at a time: the library takes one acknowledgement for every value that waits for one."""
        self.unsettled.append(values)
        if len(self.unsettled) == 1:
            self.h2.update_settings(values)

    def settled(self):
        self.unsettled.pop(0)
        if self.unsettled:
            self.h2.update_settings(self.unsettled[0])

    def run(self):
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values={
            MAX: 100, h2.settings.SettingCodes.ENABLE_PUSH: 0})
        self.h2.initiate_connection()
        self.flush()
        while not self.closing:
            self.secure.settimeout(0.02 if self.later else 60)
            try:
                data = self.secure.recv(65536)
                if not data:
                    return
            except (TimeoutError, ssl.SSLWantReadError):
                data = b""
            for event in self.h2.receive_data(data) if data else []:
                if not self.closing:  # what comes behind a GOAWAY of ours is nobody's
                    self.handle(event)
            if self.closing:
                return
            due = [deed for at, deed in self.later if at <= time.monotonic()]
            self.later = [(at, deed) for at, deed in self.later if at > time.monotonic()]
            for deed in due:
                deed()
            self.flush()

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = (dict(tuple(h) for h in event.headers), bytearray())
        elif isinstance(event, h2.events.DataReceived):
            if event.stream_id in self.requests:
                self.requests[event.stream_id][1].extend(event.data)
            if not self.stalled:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.SettingsAcknowledged):
            self.settled()
        elif isinstance(event, h2.events.StreamReset):
            self.requests.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded):
            fields, body = self.requests.pop(event.stream_id)
            self.answer(event.stream_id, fields, bytes(body))

    def respond(self, stream, status, fields=(), document=None):
        body = json.dumps(document).encode() if document is not None else b""
        self.h2.send_headers(stream, [(":status", str(status)), *fields], end_stream=not body)
        if body:
            self.h2.send_data(stream, body, end_stream=True)

    def good(self, stream, apns):
        if apns:
            self.respond(stream, 200, [("apns-id", "00000000-0000-0000-0000-000000000000")])
        else:
            self.respond(stream, 200, (), {"name": "projects/bank-app/messages/0:1"})

    def answer(self, stream, fields, body):
        path = fields.get(":path", "")
        if path == "/token":
            self.respond(stream, 200, (), {"access_token": "t", "expires_in": 3600, "token_type": "Bearer"})
            return
        apns = path.startswith("/3/device/")
        address = path.rsplit("/", 1)[-1] if apns else json.loads(body)["message"]["token"]
        fault = self.peer.fault_of(address)
        # A GOAWAY may not leave out what was taken before.
        below = fault in ("0020", "0023") and self.highest_taken < stream
        taken = fault != "0017" and not below
        if taken:
            self.highest_taken = max(self.highest_taken, stream)
        self.peer.log(event="request", connection=id(self), stream=stream, address=address, played=fault, taken=taken)
        self.play(fault, stream, apns)

    def open_windows(self):
        self.stalled = False
        self.settle({WINDOW: 65535})

    def die(self):
        self.flush()
        self.closing = True

    def play(self, fault, stream, apns):
        kind, code = fault[:3], int(fault[3], 16)
        busy = {"reason": "TooManyRequests"} if apns else {
            "error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down", "details": []}}
        down = {"reason": "ServiceUnavailable"} if apns else {
            "error": {"code": 503, "status": "UNAVAILABLE", "message": "down", "details": []}}
        if kind == "001":
            self.h2.reset_stream(stream, code)
        elif kind == "002":
            last = self.highest_taken
            if code == 2:
                # The library ends the conversation with its GOAWAY, so the answer comes first and leaves behind it.
                held = self.h2.data_to_send()
                self.good(stream, apns)
                answer = self.h2.data_to_send()
                self.h2.close_connection(last_stream_id=last)
                self.secure.sendall(held + self.h2.data_to_send() + answer)
            else:
                self.h2.close_connection(last_stream_id=last)
            if code == 3:
                self.flush()
                time.sleep(MOMENT)
            self.die()
        elif fault == "0030":
            self.die()
        elif fault == "0031":
            self.h2.send_headers(stream, [(":status", "200")])
            self.die()
        elif fault in ("0032", "0033"):
            status = "200" if fault == "0032" else "503"
            self.h2.send_headers(stream, [(":status", status), ("content-length", "100")])
            self.h2.send_data(stream, b'{"name":')
            self.die()
        elif fault == "0040":
            self.settle({MAX: 0})
            self.good(stream, apns)
            self.after(MOMENT, lambda: self.settle({MAX: 100}))
        elif fault == "0041":
            self.settle({MAX: 1})
            self.good(stream, apns)
        elif fault in ("0042", "0043"):
            self.settle({WINDOW: 1})
            self.stalled = True
            self.good(stream, apns)
            if fault == "0042":
                self.after(MOMENT, self.open_windows)
        elif fault == "0051":
            self.after(MOMENT, lambda: self.good(stream, apns))
        elif kind == "006":
            wait = {0: [], 1: [("retry-after", "7")],
                    2: [("retry-after", email.utils.formatdate(time.time() + 90, usegmt=True))]}[code]
            self.respond(stream, 429, wait, busy)
        elif kind == "007":
            self.respond(stream, 503, [("retry-after", "7")] if code == 1 else [], down)
        elif fault != "0050":
            self.good(stream, apns)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--log", required=True)
    Peer(parser.parse_args()).serve()


if __name__ == "__main__":
    main()
