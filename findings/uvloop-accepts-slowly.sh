#!/bin/sh
# uvloop 0.23.0: a server accepts one connection per turn of the event loop; asyncio accepts all that wait.
#
# libuv, on which uvloop is built, takes one connection from the listening socket whenever the loop looks for input.
# In a service whose turns are long (a model that answers a batch in the event loop, 5 ms each), the last of 200 clients
# that connect together is first heard after 200 turns, about a second. The server's own latency figures do not show
# that, because they begin when a request is read. asyncio's own loop takes as many connections per turn as the
# server's backlog allows (100 by default). uvloop's documentation calls it a drop-in replacement.
#
# Output seen on 2026-11-29, 50 clients that connected before the first turn:
#   asyncio: turns until all are accepted: 4
#   uvloop: turns until all are accepted: 51
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check uvloop==0.23.0
cat > "$folder/turns.py" <<'PYTHON'
import asyncio
import socket

import uvloop

CLIENTS = 50


async def turns_to_accept() -> int:
    loop, accepted = asyncio.get_running_loop(), []

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport)

    server = await loop.create_server(Connection, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(CLIENTS)]  # the system completes these connections
    turns = 0
    while len(accepted) < CLIENTS and turns < 10 * CLIENTS:
        await asyncio.sleep(0)  # the next turn; a busy service works here
        turns += 1
    for each in (*clients, *accepted):
        each.close()
    server.close()
    return turns


for name, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
    print(f"{name}: turns until all are accepted: {run(turns_to_accept())}")
PYTHON
"$folder/venv/bin/python" "$folder/turns.py" | tee "$folder/seen"
turns() { grep "^$1:" "$folder/seen" | grep -o '[0-9]*$'; }
if [ "$(turns asyncio)" -le 5 ] && [ "$(turns uvloop)" -ge 50 ]; then
  echo "as described"
else
  echo "the behaviour has changed"
  exit 1
fi
