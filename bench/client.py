"""A thin client: libpq as a driver uses it, with nothing between the clock and the wire."""

import os
import threading
import time

from psycopg import pq

OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY)


class Client:
    """One connection. Parameters are text, made ready before the clock runs; PGHOST and the rest choose the server."""

    def __init__(self, database, **settings):
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self.conn = pq.PGconn.connect(f"dbname={database} options='{options}'".encode())
        if self.conn.status != pq.ConnStatus.OK:
            raise RuntimeError(self.conn.error_message.decode())
        self.prepared = {}

    def close(self):
        self.conn.finish()

    def check(self, result):
        if result.status not in OK:
            raise RuntimeError(result.error_message.decode(errors="replace")[:2000])
        return result

    def run(self, sql):
        """Runs one or more statements as a simple query."""
        return self.check(self.conn.exec_(sql if isinstance(sql, bytes) else sql.encode()))

    def row(self, sql):
        """The first row of a query, as strings."""
        result = self.run(sql)
        return [(result.get_value(0, i) or b"").decode() for i in range(result.nfields)]

    def rows(self, sql):
        """All rows of a query, as lists of strings."""
        result = self.run(sql)
        return [[(result.get_value(r, i) or b"").decode() for i in range(result.nfields)] for r in range(result.ntuples)]

    def prepare(self, sql):
        """A statement's name; it is prepared the first time it is asked for."""
        if sql not in self.prepared:
            name = f"s{len(self.prepared)}".encode()
            self.check(self.conn.prepare(name, sql.encode()))
            self.prepared[sql] = name
        return self.prepared[sql]

    def execute(self, sql, params):
        """Executes a prepared statement with text parameters."""
        return self.check(self.conn.exec_prepared(self.prepare(sql), params))

    def copy(self, sql, data):
        """COPY … FROM STDIN of text that is ready, in pieces as a driver sends them."""
        result = self.conn.exec_(sql.encode())
        if result.status != pq.ExecStatus.COPY_IN:
            raise RuntimeError(result.error_message.decode())
        piece = 1 << 17
        for start in range(0, len(data), piece):
            self.conn.put_copy_data(data[start:start + piece])
        self.conn.put_copy_end()
        result = self.conn.get_result()
        while result is not None:
            self.check(result)
            result = self.conn.get_result()

    def pipeline(self, sql, params_list, window=100):
        """Executes a prepared statement once for each list of parameters, without waiting for each answer."""
        name = self.prepare(sql)
        self.conn.enter_pipeline_mode()
        for start in range(0, len(params_list), window):
            for params in params_list[start:start + window]:
                self.conn.send_query_prepared(name, params)
            self.conn.pipeline_sync()
            while True:
                result = self.conn.get_result()
                if result is None:
                    continue
                if result.status == pq.ExecStatus.PIPELINE_SYNC:
                    break
                self.check(result)
        self.conn.exit_pipeline_mode()

    @property
    def pid(self):
        return self.conn.backend_pid


def proc_status(pid):
    """The memory figures of a process in kB, by the names of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith(" kB\n")}


class PrivateMemory:
    """Watches a backend: the highest private memory (RssAnon) seen while the block runs, in kB. VmHWM, which the system
    keeps itself, also counts every page of shared buffers that the backend touched."""

    def __init__(self, pid):
        self.pid = pid
        self.peak = 0
        self.over = threading.Event()

    def look(self):
        while not self.over.is_set():
            self.peak = max(self.peak, proc_status(self.pid)["RssAnon"])
            time.sleep(0.002)

    def __enter__(self):
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def have_proc():
    return os.path.exists("/proc/self/status")
