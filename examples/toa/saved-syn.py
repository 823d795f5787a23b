#!/usr/bin/env python3
"""A server that tells each client who it is, by the TOA in its SYN and without a kernel module.

    saved-syn.py ADDRESS PORT LIP...

Linux keeps the SYN of a connection for who asks for it before (TCP_SAVE_SYN, since 4.2) and hands it out once (TCP_SAVED_SYN). So
the balancer has to put TOA into the SYN: `tcp: { toa: seed }`, which is the default. With SYN cookies there is no SYN to keep.

Only what comes from a LIP is believed: whoever else reaches this server could write anything into a SYN.
"""

import socket
import struct
import sys

TCP_SAVE_SYN = 27
TCP_SAVED_SYN = 28
TOA = 254
EOL = 0
NOP = 1


def options_of(packet):
    """The options of TCP, as (kind, value), of a packet that begins with the header of IP."""
    version = packet[0] >> 4
    tcp = (packet[0] & 15) * 4 if version == 4 else 40
    end = tcp + (packet[tcp + 12] >> 4) * 4
    at = tcp + 20
    while at < end and packet[at] != EOL:
        if packet[at] == NOP:
            at += 1
            continue
        length = packet[at + 1] if at + 1 < end else 0
        if length < 2 or at + length > end:
            return
        yield packet[at], packet[at + 2 : at + length]
        at += length


def client_of(connection, lips):
    """Address and port of the client behind an accepted connection; those of its peer if that is no LIP or says nothing."""
    peer = connection.getpeername()[:2]
    packet = connection.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 512)
    if peer[0] not in lips or not packet:
        return peer
    for kind, value in options_of(packet):
        if kind == TOA and len(value) in (6, 18):
            family = socket.AF_INET if len(value) == 6 else socket.AF_INET6
            return socket.inet_ntop(family, value[2:]), struct.unpack("!H", value[:2])[0]
    return peer


def main(address, port, *lips):
    server = socket.create_server((address, int(port)), backlog=128)
    server.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
    print("listening", flush=True)
    while True:
        connection, _ = server.accept()
        with connection:
            host, number = client_of(connection, lips)
            connection.sendall(f"{host} {number}\n".encode())


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("usage: saved-syn.py ADDRESS PORT LIP...")
    main(*sys.argv[1:])
