#!/usr/bin/env python3
"""Runs a command, and what it starts, as on a processor without AMX:

    bench/without_amx.py bench/run_encoder_bench.sh --precisions int8
    bench/without_amx.py build/onecopy serve --model qa=DIR

The system gives a process the tiles' registers when it asks for them (ARCH_REQ_XCOMP_PERM, Linux's
Documentation/arch/x86/xstate.rst); here a seccomp filter refuses. Libraries then compute as on the
generation of processors before, onecopy and its peers alike.
"""
import ctypes
import os
import struct
import sys

ARCH_X86_64, ARCH_PRCTL, REQUEST_PERMISSION = 0xC000003E, 158, 0x1023
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ERRNO | EPERM
NUMBER, ARCH, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38

FILTER = [
    (LOAD, 0, 0, ARCH), (IF_EQUAL, 0, 5, ARCH_X86_64),
    (LOAD, 0, 0, NUMBER), (IF_EQUAL, 0, 3, ARCH_PRCTL),
    (LOAD, 0, 0, FIRST_ARGUMENT), (IF_EQUAL, 0, 1, REQUEST_PERMISSION),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def refuse_tiles():
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in FILTER))
    program = Program(len(FILTER), ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        sys.exit(f"without_amx.py: cannot set the filter: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    refuse_tiles()
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        sys.exit(f"without_amx.py: {sys.argv[1]}: {error.strerror}")
