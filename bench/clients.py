"""Clients that ask the same question over kept connections until told to stop, and judge each answer."""
import http.client
import json
import threading
import time


class Clients:
    """`judge(version, body)` says whether an answer of 200 is right. A request whose connection is cut is asked again
    until `patience` seconds have passed; cut ones are counted, and lost where no try brought an answer."""

    def __init__(self, port, path, request, count, judge, patience=30):
        self.port, self.path, self.body = port, path, json.dumps(request)
        self.judge, self.patience = judge, patience
        self.right = self.cut = self.lost = 0
        self.wrong = []  # (status, body) of every other answer
        self.slowest = 0.0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.patience + 60)

    def run(self):
        connection = None
        while not self.stopping.is_set():
            connection = self.ask(connection)

    def ask(self, connection):
        """One request, as often as it takes; the connection to go on with."""
        start = time.monotonic()
        while True:
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                connection.request("POST", self.path, self.body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                version, body, status = reply.getheader("X-Model-Version"), reply.read(), reply.status
                if reply.will_close:
                    connection.close()
                    connection = None
                self.count(status, version, body, time.monotonic() - start)
                return connection
            except (OSError, http.client.HTTPException):
                if connection is not None:
                    connection.close()
                connection = None
                with self.lock:
                    self.cut += 1
                if time.monotonic() - start > self.patience:
                    with self.lock:
                        self.lost += 1
                    return None
                time.sleep(0.02)

    def count(self, status, version, body, seconds):
        right = status == 200 and self.judge(version, body)
        with self.lock:
            self.slowest = max(self.slowest, seconds)
            if right:
                self.right += 1
            else:
                self.wrong.append((status, body[:300]))

    def summary(self):
        return (f"{self.right} right, {len(self.wrong)} wrong or refused, {self.cut} connections cut, {self.lost} lost; "
                f"slowest {self.slowest:.2f} s")
