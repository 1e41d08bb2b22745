"""What a statement costs that no rewrite is for: instructions of the backend, counted by callgrind on a server of its
own. Instructions are the same whatever else the machine does, so a difference of a thousandth is one."""

import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

DATABASE = "postgres"
TABLES = 30

# Times that each statement runs in the shorter and in the longer run: their difference is free of what a session costs.
RUNS = {"simple": (200, 1_200), "prepared": (200, 1_200), "join": (2, 6)}

STATES = {
    "not loaded": "",
    "off": "-c session_preload_libraries=pg_more -c pg_more.rewrites=off",
    "on": "-c session_preload_libraries=pg_more -c pg_more.rewrites=on",
}


class CountedServer:
    """A cluster beside the bench's own; once `counted` is called, its processes run under callgrind."""

    def __init__(self, like):
        folder = os.path.dirname(like)
        owner = os.stat(like)
        self.data = os.path.join(folder, "counted")
        self.socket = os.path.join(folder, "counted_socket")
        self.counts = os.path.join(folder, "counts")
        self.who = {}
        if os.geteuid() == 0:
            self.who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        for path in (self.socket, self.counts):
            os.mkdir(path)
            os.chown(path, owner.st_uid, owner.st_gid)
        self.env = {**os.environ, "PGHOST": self.socket, "PGPORT": "5432", "PGDATABASE": DATABASE}
        self.process = None
        self.log = os.path.join(self.counts, "log")

    def call(self, *command, **more):
        done = subprocess.run(command, env=self.env, cwd=self.counts, capture_output=True, text=True, **more)
        if done.returncode != 0:
            raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self):
        self.call("initdb", "-D", self.data, "-U", self.env["PGUSER"], "--auth=trust", "--no-sync", "--locale=C", **self.who)
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="ascii") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.socket}'\nautovacuum = off\njit = off\n"
                       "max_wal_senders = 0\nwal_level = minimal\nfsync = off\ncheckpoint_timeout = '1h'\n")

    def start(self, *under):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*under, "postgres", "-D", self.data], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.data, env=self.env, **self.who)
        for _ in range(600):
            if self.process.poll() is not None:
                break
            if subprocess.run(["pg_isready", "-q"], env=self.env).returncode == 0:
                return
            time.sleep(0.2)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise SystemExit("the server to count on did not start:\n" + log.read()[-3000:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()

    def counted(self):
        self.start("valgrind", "--tool=callgrind", "-q", f"--callgrind-out-file={self.counts}/out.%p")

    def instructions(self, options, messages):
        """The instructions of one backend, from its start to its end, that is sent these messages."""
        pid = speak(f"{self.socket}/.s.PGSQL.{self.env['PGPORT']}", self.env["PGUSER"], options, messages)
        for _ in range(600):        # it writes its counts when it ends
            try:
                with open(f"{self.counts}/out.{pid}", encoding="ascii", errors="replace") as file:
                    found = re.search(r"^totals: (\d+)", file.read(), re.MULTILINE)
            except FileNotFoundError:
                found = None
            if found:
                os.unlink(f"{self.counts}/out.{pid}")
                return int(found.group(1))
            time.sleep(0.1)
        raise SystemExit("no counts came from callgrind")


def message(kind, *parts):
    """A message of PostgreSQL's protocol: text parts end with a zero byte, others are there as they are."""
    body = b"".join(part.encode() + b"\0" if isinstance(part, str) else part for part in parts)
    return kind + struct.pack("!i", len(body) + 4) + body


def speak(path, user, options, messages):
    """Sends all messages at once and reads all answers; returns the backend's pid. A backend that has the next message
    at hand never waits for it, so that it runs the same instructions each time."""
    count = to_come = sum(m[:1] in (b"Q", b"S") for m in messages)
    with socket.socket(socket.AF_UNIX) as conn:
        conn.connect(path)
        conn.sendall(message(b"", struct.pack("!i", 3 << 16), "user", user, "database", DATABASE, "options", options, b"\0"))
        answers = conn.makefile("rb")
        pid = 0
        sender = threading.Thread(target=lambda: conn.sendall(b"".join(messages) + message(b"X")))
        while count >= 0:
            kind, size = struct.unpack("!ci", answers.read(5))
            body = answers.read(size - 4)
            if kind == b"E":
                raise SystemExit("the server to count on says: " + body.replace(b"\0", b" ").decode(errors="replace"))
            if kind == b"K":
                pid = struct.unpack("!ii", body)[0]
            elif kind == b"Z":
                if count == to_come:
                    sender.start()
                count -= 1
        sender.join()
    return pid


def select_messages(key, times):
    """What pgbench -S sends, by the simple protocol or prepared."""
    select = "SELECT abalance FROM pgbench_accounts WHERE aid = "
    keys = [str(i * 7919 % 100_000 + 1) for i in range(times)]
    if key == "simple":
        return [message(b"Q", f"{select}{aid};") for aid in keys]
    out = [message(b"P", "P_0", select + "$1;", struct.pack("!h", 0)), message(b"S")]
    for aid in keys:
        value = struct.pack("!hhi", 0, 1, len(aid)) + aid.encode() + struct.pack("!h", 0)
        out += [message(b"B", "", "P_0", value), message(b"D", b"P", ""), message(b"E", "", struct.pack("!i", 0)), message(b"S")]
    return out


def join_messages(times):
    """A join of many tables, each to the one before, by keys; nothing is in them, so planning is what it costs."""
    joins = " ".join(f"JOIN j{i} ON j{i}.id = j{i - 1}.next" for i in range(1, TABLES))
    return [message(b"Q", f"SELECT j0.v FROM j0 {joins} WHERE j0.v = 1 AND j{TABLES - 1}.v > 5 AND j3.id IN (1, 2, 3)")] * times


def count_nothing(like, progress):
    """Instructions for one statement of each kind: with pg_more not loaded, loaded and off, and on."""
    server = CountedServer(like)
    out = {}
    try:
        progress("making a server to count instructions on")
        server.make()
        server.start()
        server.call("pgbench", "-i", "-q")
        sql = "CREATE EXTENSION pg_more;" + "".join(
            f"CREATE TABLE j{i} (id int PRIMARY KEY, next int, v int);" for i in range(TABLES)) + "VACUUM ANALYZE;"
        for statement in sql.split(";")[:-1]:
            server.call("psql", "-qXc", statement)
        server.stop()
        server.counted()
        for key, (short, long) in RUNS.items():
            out[key] = {}
            for state, options in STATES.items():
                counts = [server.instructions(options, join_messages(times) if key == "join" else select_messages(key, times))
                          for times in (short, long)]
                out[key][state] = (counts[1] - counts[0]) / (long - short)
            base = out[key]["not loaded"]
            progress(f"{key}: {base:,.0f} instructions, " + ", ".join(
                f"{state} {(count / base - 1) * 100:+.2f} %" for state, count in out[key].items() if state != "not loaded"))
    finally:
        server.stop()
    return {"runs": RUNS, "instructions": out}
