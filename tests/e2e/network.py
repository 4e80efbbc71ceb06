"""What stands between a proxy and its relays on a managed machine: an HTTP proxy of the organisation, TLS, and what intercepts it."""

import datetime
import fcntl
import ipaddress
import os
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness import BIN, SANITIZER_REPORT, SLOW, get, wait_until


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._builder(self.name, self.key).add_extension(x509.BasicConstraints(True, None), critical=True).sign(self.key, hashes.SHA256())
        self.pem = folder / f"{name.replace(' ', '-')}.pem"
        self.pem.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                .not_valid_after(now + datetime.timedelta(days=2)))

    def server(self, *hosts):
        """An ssl.SSLContext for a server of these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        leaf = self._builder(x509.Name([]), key).add_extension(names, critical=True).sign(self.key, hashes.SHA256())
        path = self.folder / f"server-{leaf.serial_number}.pem"
        path.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) +
                         key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def pump(near, far):
    try:
        while data := near.recv(65536):
            far.sendall(data)
    except OSError:
        pass
    for connection in (near, far):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(near, far):
    other = threading.Thread(target=pump, args=(far, near), daemon=True)
    other.start()
    pump(near, far)
    other.join()
    near.close()
    far.close()


class Server(socketserver.ThreadingTCPServer):
    """A server on loopback that gives each connection to `serve` in a thread of its own."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, serve):
        outer = serve

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    outer(self.request)
                except OSError:
                    pass  # the other side left

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def forwarder(target, context=None):
    """Serves TLS, where a context is given, before `target` (host, port)."""
    def serve(connection):
        near = context.wrap_socket(connection, server_side=True) if context else connection
        join(near, socket.create_connection(target))
    return Server(serve)


class OutgoingProxy(Server):
    """The organisation's proxy: answers CONNECT, and reaches each "host:port" of `routes`."""

    def __init__(self, routes, authorization=None):
        self.routes, self.authorization, self.heads = routes, authorization, []
        super().__init__(self.connect)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece:
                return
            head += piece
        text = head.decode()
        self.heads.append(text)
        method, target, _ = text.split("\r\n")[0].split(" ")
        if method != "CONNECT" or target not in self.routes:
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        elif self.authorization and f"Proxy-Authorization: {self.authorization}\r\n" not in text:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        else:
            far = socket.create_connection(self.routes[target])
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(connection, far)


def address(endpoint):
    host, port = endpoint.removeprefix("http://").rsplit(":", 1)
    return host, int(port)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own_address():
    """An IPv4 address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), 0x8915, request)  # SIOCGIFADDR
            except OSError:
                continue  # an interface without an address
            found = ipaddress.ip_address(answer[20:24])
            if not found.is_loopback:
                return str(found)
    raise AssertionError("this machine has no address besides loopback")


# What the machine that runs the tests may have set must not decide their outcome.
CLEAN = {name: value for name, value in os.environ.items()
         if name.lower() not in ("https_proxy", "http_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")}


class LocalProxy:
    """`openpcc proxy` with a configuration of the test's own. Keyword arguments are settings in TOML's spelling."""

    def __init__(self, folder, deployment, *, relays, listen="http://127.0.0.1:0", environment=None, policy=None, **settings):
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.listen = listen.replace(":0", f":{self.port}")
        self.log = folder / "proxy.log"
        self.config = folder / "proxy.toml"
        if policy is None:
            # These tests have relays under names of other machines, which a policy of simulated TEEs must allow by name.
            policy = folder / "policy.toml"
            policy.write_text(open(deployment.state["policy"]).read().replace("[exceptions]", "[exceptions]\nbeyond_loopback = true"))
        lines = [f'listen = "{self.listen}"', "relays = [" + ", ".join(f'"{relay}"' for relay in relays) + "]",
                 f'policy = "{policy}"', 'refresh_interval = "1s"', 'drain_timeout = "1s"']
        lines += [f"{key} = {value}" for key, value in settings.items()]
        lines += [f'admin.listen = "http://127.0.0.1:{self.admin_port}"']
        self.config.write_text("\n".join(lines) + "\n")
        self.environment = CLEAN | (environment or {})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def metrics(self):
        return get(f"http://127.0.0.1:{self.admin_port}/metrics")[1].decode()

    def ready(self):
        try:
            return get(f"http://127.0.0.1:{self.admin_port}/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self):
        wait_until(lambda: self.ready() or self.process.poll() is not None, 20, "the proxy is ready")
        assert self.process.poll() is None, self.log.read_text()

    def __enter__(self):
        self.output = open(self.log, "wb")
        self.process = subprocess.Popen([str(BIN / "openpcc"), "proxy", "--config", str(self.config)], env=self.environment, stdout=self.output,
                                        stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20 * SLOW)
        self.output.close()
        text = self.log.read_text(errors="replace")
        assert not SANITIZER_REPORT.search(text), text[-6000:]
