"""What a peer says on its standard input and output, the same as encoder_bench --serve:

    "run N"    one line: the times of N forward passes in milliseconds
    "logits"   one line: the first values of the head, to compare with the others'
"""
import sys
import time


def request(tokens):
    """The same ids as encoder_bench uses."""
    return [[10 + i * 7919 % 20000 for i in range(tokens)]]


def serve(forward):
    """forward() -> the head's first output, flat."""
    forward()
    print("ready", flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "logits":
            print(*(f"{v:.6f}" for v in list(forward())[:8]), flush=True)
        elif command == "run":
            times = []
            for _ in range(int(arguments[0])):
                start = time.perf_counter()
                forward()
                times.append((time.perf_counter() - start) * 1e3)
            print(*(f"{t:.4f}" for t in times), flush=True)
