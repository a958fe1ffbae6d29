"""QEMU's own control socket: one call a connection."""

import json
import socket


class QmpError(Exception):
    """QEMU said no."""


def call(path, command, **arguments):
    """The answer of the QEMU that listens at `path`."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("rw") as lines:
            lines.readline()  # its greeting
            _ask(lines, {"execute": "qmp_capabilities"})
            return _ask(lines, {"execute": command, "arguments": arguments})


def _ask(lines, request):
    lines.write(json.dumps(request))
    lines.flush()
    while True:
        answer = json.loads(lines.readline())
        if "error" in answer:
            raise QmpError(answer["error"]["desc"])
        if "return" in answer:
            return answer["return"]
        # An event: nobody here waits for one.
