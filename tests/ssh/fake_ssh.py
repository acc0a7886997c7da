"""Stands in for ssh: runs the command here, or fails as ssh and other machines fail, as the name of the host says.

Only the standard library's smallest part is imported: it is started for every connection of the fast tests.
"""

import os
import sys
import time

WITH_VALUE = "opiFlJSLRDWEbcm"

SAID = {
    "closed": "ssh: connect to host closed port 22: Connection refused",
    "nowhere": "ssh: Could not resolve hostname nowhere: Name or service not known",
    "changed": "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification failed.",
    "denied": "someone@denied: Permission denied (publickey,password).",
}


def parsed(argv: list[str]) -> tuple[str, str]:
    """Destination and command, taken as ssh takes them."""
    words = list(argv)
    while words and words[0].startswith("-") and words[0] != "--":
        option = words.pop(0)
        if option[1] in WITH_VALUE and len(option) == 2:
            words.pop(0)
    if words and words[0] == "--":
        words.pop(0)
    return words[0], " ".join(words[1:])


def asked(question: str) -> bool:
    """Whether somebody at the terminal knows the word, which is `secret`; nobody is asked in batch mode."""
    if "BatchMode=yes" in sys.argv:
        return False
    with open("/dev/tty", "r+b", buffering=0) as terminal:
        terminal.write(question.encode())
        return terminal.readline().strip() == b"secret"


def main() -> int:
    destination, command = parsed(sys.argv[1:])
    host = destination.rpartition("@")[2]
    note = os.environ.get("FAKE_SSH_LOG")
    if note:
        with open(note, "a") as log:
            log.write(f"{os.getpid()} {' '.join(sys.argv[1:])}\n")
    if host in SAID:
        os.write(2, f"{SAID[host]}\r\n".encode())
        return 255
    if host == "bare":
        os.environ["PATH"] = "/usr/bin:/bin"
        os.environ["HOME"] = "/nonexistent"
    if host == "old":
        os.write(2, b"swarmtui: argument COMMAND: invalid choice: 'dial-stdio' (choose from run, plan); see --help\n")
        return 2
    if host == "asks" and not asked("someone@asks's password: "):
        os.write(2, b"someone@asks: Permission denied (publickey,password).\r\n")
        return 255
    if host == "silent":
        time.sleep(600)
    if host == "later":
        os.write(1, b'swarmtui-dial/2 {"way": "another"}\n')
        return 0
    if host == "elsewhere":
        os.write(1, b"This service allows sftp connections only.\n")
        return 0
    if host == "flood":
        for _ in range(2000):
            os.write(1, b"Welcome to this machine! You are being watched. \xff\xfe\n")
    if host == "noisy":
        os.write(1, b"Last login: today\n\x1b[31mfortune:\x1b[0m no news ")  # the greeting begins in mid-line
    os.execv("/bin/sh", ["sh", "-c", command])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(255)
