#!/usr/bin/env python3
"""An echo on asyncio's streams, as its documentation has it."""

import asyncio
import contextlib
import socket


async def serve(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
