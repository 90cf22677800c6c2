"""A real Kafka 3.9.1 broker and its ZooKeeper on this machine, for as long as the tests need it.

Java 17 and Maven must be there; Maven fetches the jars once. Both processes listen on the loopback address alone, keep
everything in a folder that is removed afterwards, and are ended whatever happens.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
STARTS_WITHIN_S = 60
FETCHES_WITHIN_S = 300

ZOOKEEPER = """
tickTime=2000
dataDir={folder}/zookeeper
clientPort={zookeeper}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=ruok
"""
BROKER = """
broker.id=101
listeners=PLAINTEXT://127.0.0.1:{port}
zookeeper.connect=127.0.0.1:{zookeeper}
log.dirs={folder}/logs
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
offsets.topic.num.partitions=5
transaction.state.log.num.partitions=5
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""
LOGGING = """
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
"""


def why_not() -> str | None:
    """Why no real broker can be started on this machine; None when one can."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            return f"there is no {program} on this machine"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < 17:
        return "Java is older than 17"
    return None


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Start ZooKeeper and one broker; give the broker's address; end both."""
    with tempfile.TemporaryDirectory(prefix="kafkasim-real-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        classpath = _classpath(folder)
        ports = {"folder": folder, "zookeeper": _free_port(), "port": _free_port()}
        (folder / "log4j.properties").write_text(LOGGING)
        (folder / "zookeeper.properties").write_text(ZOOKEEPER.format(**ports))
        (folder / "server.properties").write_text(BROKER.format(**ports))
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        stack.enter_context(_java(folder, classpath, main, "zookeeper.properties", ports["zookeeper"]))
        stack.enter_context(_java(folder, classpath, "kafka.Kafka", "server.properties", ports["port"]))
        yield f"127.0.0.1:{ports['port']}"


def _classpath(folder: Path) -> str:
    """What Maven says the class path is; it fetches what is not there yet."""
    file = folder / "classpath"
    subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml"), "dependency:build-classpath",
         f"-Dmdep.outputFile={file}"],
        check=True, timeout=FETCHES_WITHIN_S, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return file.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _java(folder: Path, classpath: str, main: str, config: str, port: object) -> Iterator[None]:
    """One Java process, from the moment it listens until it is ended."""
    log = folder / f"{config}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            ["java", "-Xmx512m", f"-Dlog4j.configuration=file:{folder}/log4j.properties", "-cp", classpath, main,
             str(folder / config)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait_for(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: object, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(str(port))), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}. It said:\n{log.read_text()[-3000:]}")
