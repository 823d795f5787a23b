#!/usr/bin/env python3
"""Who is behind the connections of a real server, by the TOA in the ACK of the handshake and without a kernel module.

    sockops.py attach CGROUP PIN             from now on, for the processes of a cgroup (version 2) and those below it
    sockops.py clients PIN PID LIP...        the connections of a process and their clients: of redis, nginx, any server as it is
    sockops.py serve PIN ADDRESS PORT LIP... a server that asks for itself, and tells each client who it is
    sockops.py detach PIN                    no longer

PIN is a folder below /sys/fs/bpf, which `attach` makes; to attach and to ask takes root. A socket belongs to the cgroup that its server
was started in, so attach to that of the service or to one above it. Linux calls a BPF program (BPF_PROG_TYPE_SOCK_OPS, since 4.13) when the segment
that completes a handshake has come, and shows it the header (since 5.10). The balancer puts TOA there with `tcp: { toa: master }` and
with `seed` alike, and again into each segment until the server has answered, so that a lost ACK takes nothing away. The program keeps
the option in the socket (BPF_MAP_TYPE_SK_STORAGE): it is gone when the socket is, and nothing fills up. Whoever has the map asks for it
by a descriptor of the socket, as by getsockopt(2). Connections that were open before `attach` have none.

Only what comes from a LIP is believed: whoever else reaches this server could write anything into his segments.
"""

import ctypes
import os
import platform
import socket
import struct
import sys

# Numbers of <linux/bpf.h>.
MAP_CREATE, MAP_LOOKUP_ELEM, PROG_LOAD, OBJ_PIN, OBJ_GET, BTF_LOAD, LINK_CREATE = 0, 1, 5, 6, 7, 18, 28
SK_STORAGE, SOCK_OPS, CGROUP_SOCK_OPS = 24, 13, 3
NO_PREALLOC = 1
PASSIVE_ESTABLISHED = 5
SK_STORAGE_GET, CREATE = 107, 1

BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
PIDFD_GETFD = 438

TOA, EOL, NOP = 254, 0, 1
V4, V6 = 8, 20  # bytes of the option: kind, length, port, address. It is kept as it came, zeros behind the shorter one.

libc = ctypes.CDLL(None, use_errno=True)


def system_call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def bpf(command, form, *fields):
    """bpf(2), with the attributes that it wants packed as struct has it."""
    attributes = struct.pack(form, *fields)
    return system_call(BPF, ctypes.c_long(command), attributes, ctypes.c_long(len(attributes)))


def memory(content):
    """=> what holds it as long as it is kept, and its address"""
    held = ctypes.create_string_buffer(bytes(content), len(content))
    return held, ctypes.addressof(held)


def make_map():
    """A map of sockets has to say what its keys and values are: 1, an int; 2, an array of five of them (BTF)."""
    types = struct.pack("<IIII", 1, 1 << 24, 4, 1 << 24 | 32) + struct.pack("<IIIIII", 0, 3 << 24, 0, 1, 1, V6 // 4)
    names = b"\0int\0"
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(names))
    held, blob = memory(header + types + names)
    btf = bpf(BTF_LOAD, "QQIIII", blob, 0, len(held), 0, 0, 0)
    try:
        return bpf(MAP_CREATE, "IIIII II 16s IIII", SK_STORAGE, 4, V6, 0, NO_PREALLOC, 0, 0, b"toa", 0, btf, 1, 2)
    finally:
        os.close(btf)


# Instructions (RFC 9669): operation, destination, source, offset, immediate. A jump's offset is the name of the place it goes to.
MOVE, MOVE_NUMBER, ADD, ADD_NUMBER = 0xBF, 0xB7, 0x0F, 0x07
LOAD1, LOAD4, LOAD8, STORE4, STORE8_NUMBER = 0x71, 0x61, 0x79, 0x63, 0x7A
JUMP, IF_EQUAL, IF_NOT_EQUAL, IF_LESS, IF_GREATER_REGISTER = 0x05, 0x15, 0x55, 0xA5, 0x2D
CALL, EXIT, LOAD_MAP, PSEUDO_MAP = 0x85, 0x95, 0x18, 1
R0, R1, R2, R3, R4, R6, R7, R8, R9, FRAME = 0, 1, 2, 3, 4, 6, 7, 8, 9, 10

# Offsets in struct bpf_sock_ops; the header is that of TCP.
OP, SK, HEADER, HEADER_END = 0, 184, 192, 200
OPTIONS_AT, OPTIONS_MOST = 20, 40
KEPT = -24  # where on the stack the option is put together


def keep(length, map_fd):
    """The option of this length at R8, if all of it is there, into the socket's storage."""
    yield MOVE, R1, R8, 0, 0
    yield ADD_NUMBER, R1, 0, 0, length
    yield IF_GREATER_REGISTER, R1, R9, "out", 0
    for at in range(0, 24, 8):
        yield STORE8_NUMBER, FRAME, 0, KEPT + at, 0
    for at in range(0, length, 4):
        yield LOAD4, R1, R8, at, 0
        yield STORE4, FRAME, R1, KEPT + at, 0
    yield LOAD_MAP, R1, PSEUDO_MAP, 0, map_fd
    yield 0, 0, 0, 0, 0  # its upper half
    yield MOVE, R2, R7, 0, 0
    yield MOVE, R3, FRAME, 0, 0
    yield ADD_NUMBER, R3, 0, 0, KEPT
    yield MOVE_NUMBER, R4, 0, 0, CREATE
    yield CALL, 0, 0, 0, SK_STORAGE_GET
    yield JUMP, 0, 0, "out", 0


def program(map_fd):
    """When a connection has been taken: looks through the options of the segment that completed its handshake."""
    yield LOAD4, R2, R1, OP, 0
    yield IF_NOT_EQUAL, R2, 0, "out", PASSIVE_ESTABLISHED
    yield LOAD8, R7, R1, SK, 0
    yield IF_EQUAL, R7, 0, "out", 0
    yield LOAD8, R8, R1, HEADER, 0
    yield LOAD8, R9, R1, HEADER_END, 0
    yield ADD_NUMBER, R8, 0, 0, OPTIONS_AT
    yield MOVE_NUMBER, R4, 0, 0, OPTIONS_MOST
    yield "option"  # R8 is at its kind
    yield MOVE, R1, R8, 0, 0
    yield ADD_NUMBER, R1, 0, 0, 2
    yield IF_GREATER_REGISTER, R1, R9, "out", 0
    yield LOAD1, R2, R8, 0, 0
    yield IF_EQUAL, R2, 0, "out", EOL
    yield IF_NOT_EQUAL, R2, 0, "with length", NOP
    yield LOAD1, R3, R8, 0, 0  # 1, and unknown to the verifier, which so sees one kind of step and not two to the power of 40 ways
    yield JUMP, 0, 0, "next", 0
    yield "with length"
    yield LOAD1, R3, R8, 1, 0
    yield IF_LESS, R3, 0, "out", 2
    yield IF_NOT_EQUAL, R2, 0, "next", TOA
    yield IF_EQUAL, R3, 0, "v4", V4
    yield IF_EQUAL, R3, 0, "v6", V6
    yield "next"
    yield ADD, R8, R3, 0, 0
    yield ADD_NUMBER, R4, 0, 0, -1
    yield IF_NOT_EQUAL, R4, 0, "option", 0
    yield "out"
    yield MOVE_NUMBER, R0, 0, 0, 1
    yield EXIT, 0, 0, 0, 0
    yield "v4"
    yield from keep(V4, map_fd)
    yield "v6"
    yield from keep(V6, map_fd)


def assembled(code):
    """=> its bytes. Distances are counted from the instruction behind the jump."""
    instructions, places = [], {}
    for line in code:
        if isinstance(line, str):
            places[line] = len(instructions)
        else:
            instructions.append(line)
    return b"".join(
        struct.pack("<BBhi", code, source << 4 | to, places[offset] - at - 1 if isinstance(offset, str) else offset, number)
        for at, (code, to, source, offset, number) in enumerate(instructions)
    )


def load(map_fd):
    code, code_at = memory(assembled(program(map_fd)))
    licence, licence_at = memory(b"MIT\0")
    return bpf(PROG_LOAD, "IIQQIIQII", SOCK_OPS, len(code) // 8, code_at, licence_at, 0, 0, 0, 0, 0)


def attach(cgroup, pin):
    clients = make_map()
    folder = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    link = bpf(LINK_CREATE, "IIII", load(clients), folder, CGROUP_SOCK_OPS, 0)
    os.mkdir(pin, 0o700)
    for name, held in (("clients", clients), ("link", link)):
        path, path_at = memory(os.fsencode(f"{pin}/{name}") + b"\0")
        bpf(OBJ_PIN, "QII", path_at, held, 0)


def detach(pin):
    """A link that is pinned nowhere and held by nobody is gone, and the program with it."""
    for name in ("link", "clients"):
        os.unlink(f"{pin}/{name}")
    os.rmdir(pin)


def pinned(pin):
    path, path_at = memory(os.fsencode(f"{pin}/clients") + b"\0")
    return bpf(OBJ_GET, "QII", path_at, 0, 0)


def client_of(clients, connection, lips):
    """Address and port of the client behind a connection; those of its peer if that is no LIP or has said nothing."""
    peer = connection.getpeername()[:2]
    if peer[0] not in lips:
        return peer
    key, key_at = memory(struct.pack("=i", connection.fileno()))
    kept, kept_at = memory(bytes(V6))
    try:
        bpf(MAP_LOOKUP_ELEM, "IIQQQ", clients, 0, key_at, kept_at, 0)
    except FileNotFoundError:
        return peer
    length, port = kept.raw[1], struct.unpack("!H", kept.raw[2:4])[0]
    family = socket.AF_INET if length == V4 else socket.AF_INET6
    return socket.inet_ntop(family, kept.raw[4:length]), port


def connections_of(pid):
    """The connections of a process, each borrowed (pidfd_getfd, since 5.6)."""
    process = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
            connection = socket.socket(fileno=system_call(PIDFD_GETFD, ctypes.c_long(process), ctypes.c_long(int(name)), 0))
        except OSError:
            continue  # it has been closed meanwhile
        with connection:
            if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
                continue
            try:
                connection.getpeername()
            except OSError:
                continue  # it listens, or has just ended
            yield connection


def list_clients(pin, pid, *lips):
    clients = pinned(pin)
    for connection in connections_of(int(pid)):
        peer, client = connection.getpeername()[:2], client_of(clients, connection, lips)
        print(f"{peer[0]} {peer[1]} is {client[0]} {client[1]}")


def serve(pin, address, port, *lips):
    clients = pinned(pin)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, int(port)), family=family, backlog=128)
    print("listening", flush=True)
    while True:
        connection, _ = server.accept()
        with connection:
            host, number = client_of(clients, connection, lips)
            connection.sendall(f"{host} {number}\n".encode())


VERBS = {"attach": (attach, 2, 2), "clients": (list_clients, 3, 99), "serve": (serve, 4, 99), "detach": (detach, 1, 1)}

if __name__ == "__main__":
    verb, fewest, most = VERBS.get(sys.argv[1] if len(sys.argv) > 1 else "", (None, 0, 0))
    if verb is None or not fewest <= len(sys.argv) - 2 <= most:
        sys.exit(__doc__)
    try:
        verb(*sys.argv[2:])
    except OSError as error:
        sys.exit(f"sockops.py: {error}")
