"""The host's end of the guest's shell; the other one: guest/console."""

import base64
import re
import socket
import time


class ConsoleClosed(Exception):
    """The machine went away while it was waited for."""


class Console:
    """A line of base64 goes in; output and "<RS>exit CODE" come out."""

    def __init__(self, path, is_alive):
        self._socket = _connect(path, is_alive)
        self._received = b""

    def close(self):
        self._socket.close()

    def wait_until_ready(self, timeout):
        """The boot id of the guest whose shell has started."""
        _, match = self._read_until(rb"\x1eready (\S+?)\r?\n", timeout)
        return match.group(1).decode()

    def send(self, script):
        self._socket.settimeout(60)
        self._socket.sendall(base64.b64encode(script.encode()) + b"\n")

    def run(self, script, timeout, watch=lambda received: None):
        """(exit code, output) of a bash script. `watch` is given all that was
        received, whenever that is more."""
        self.send(script)
        output, match = self._read_until(rb"\x1eexit (\d+)\r?\n", timeout,
                                         watch)
        # Some programs set a terminal's modes anew.
        output = output.replace(b"\r\n", b"\n")
        return int(match.group(1)), output.decode(errors="replace")

    def _read_until(self, pattern, timeout, watch=lambda received: None):
        deadline = time.monotonic() + timeout
        while not (match := re.search(pattern, self._received)):
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                received = self._socket.recv(1 << 16)
            except TimeoutError:
                raise TimeoutError(
                    f"no answer after {timeout} s; so far:\n"
                    + self._received[-2000:].decode(errors="replace")
                ) from None
            if not received:
                raise ConsoleClosed("the machine went away")
            self._received += received
            watch(self._received)
        output = self._received[: match.start()]
        self._received = self._received[match.end() :]
        return output, match


def _connect(path, is_alive):
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            if not is_alive():
                raise ConsoleClosed("QEMU ended at its start") from None
            time.sleep(0.02)
