#!/usr/bin/env python3
"""Checks which folder includes which: libraries may be used, processes never use each other. Also: every
included file is there, and no files include each other in a circle. Run in the repository; prints what is
wrong and exits 1."""
import pathlib
import re
import subprocess
import sys

# Who may include what, besides itself. The longest folder that holds a file is the one that counts.
BASE = ["shared/base"]
SEGMENT = BASE + ["shared/segment"]
SHARED = ["shared"]
ALLOWED = {
    "shared/base": [],
    "shared/segment": BASE,
    "shared/protocol": SEGMENT,
    "shared/tokenizer": BASE,
    "host": SHARED,
    "worker": SHARED,
    "gateway": SHARED,
    "tools/cli": SHARED + ["host"],
    "tests": SHARED + ["host", "worker", "gateway", "tools/cli"],
    "bench": SHARED + ["host", "worker", "gateway", "tests"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def lies_in(path, folder):
    return path.startswith(folder + "/")


def read_edges(files):
    """Per file, the project's files that it includes, by their paths from the root."""
    return {file: INCLUDE.findall(pathlib.Path(file).read_text(encoding="utf-8")) for file in files}


def refused_edges(edges):
    for file, included in edges.items():
        homes = [folder for folder in ALLOWED if lies_in(file, folder)]
        if not homes:
            yield f"{file}: its folder has no row in the table of tools/dev/check_includes.py"
            continue
        home = max(homes, key=len)
        allowed = [home] + ALLOWED[home]
        for other in included:
            if other not in edges:
                yield f"{file}: includes {other}, which is not there"
            elif not any(lies_in(other, folder) for folder in allowed):
                yield f"{file}: includes {other}; {home} may include only {', '.join(allowed)}"


def find_circle(edges):
    """A list of files each of which includes the next, the last the first; or None."""
    done = set()
    for start in edges:
        path, stack = [], [(start, iter(edges[start]))]
        while stack:
            file, others = stack[-1]
            if len(path) < len(stack):
                path.append(file)
            other = next((o for o in others if o not in done), None)
            if other is None:
                done.add(file)
                stack.pop(), path.pop()
            elif other in path:
                return path[path.index(other):] + [other]
            elif other in edges:
                stack.append((other, iter(edges[other])))
    return None


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.cpp", "*.h"],
                            check=True, capture_output=True, text=True).stdout.split("\n")
    edges = read_edges([file for file in listed if file and pathlib.Path(file).exists()])
    problems = list(refused_edges(edges))
    circle = find_circle(edges)
    if circle:
        problems.append("a circle: " + " -> ".join(circle))
    print("\n".join(problems) if problems else f"includes of {len(edges)} files are as the table allows")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
