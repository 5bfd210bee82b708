"""Speaks JSON-RPC with a language server on its standard input and prints, one
a line, the messages of the server.

    lsp_session.py SERVER FILE.mlir
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def packet(method: str, params: dict, number: int | None = None) -> bytes:
    """A request (with a number) or a notification, framed as the protocol says."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    if number is not None:
        message["id"] = number
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def replies(stream: bytes) -> list[dict]:
    """The messages of a framed stream."""
    messages = []
    while stream:
        header, _, rest = stream.partition(b"\r\n\r\n")
        size = int(header.split(b":")[1])
        messages.append(json.loads(rest[:size]))
        stream = rest[size:]
    return messages


def main() -> None:
    server, path = sys.argv[1], Path(sys.argv[2])
    document = {
        "uri": path.resolve().as_uri(),
        "languageId": "mlir",
        "version": 1,
        "text": path.read_text(),
    }
    session = b"".join(
        [
            packet("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 0),
            packet("initialized", {}),
            packet("textDocument/didOpen", {"textDocument": document}),
            packet("shutdown", {}, 1),
            packet("exit", {}),
        ]
    )
    run = subprocess.run([server], input=session, stdout=subprocess.PIPE, check=True, timeout=60)
    for message in replies(run.stdout):
        print(json.dumps(message, sort_keys=True))


if __name__ == "__main__":
    main()
