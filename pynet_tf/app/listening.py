"""The socket that the page listens at, bound before anything slow is loaded."""

import socket

from pynet_tf.errors import InputError


def bound(host: str, port: int) -> socket.socket:
    """Binds a socket.

    Args:
        host: an address or a name of this machine.
        port: 0 for a free one.

    Raises:
        InputError: the port is taken or not allowed, or the address is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"--host {host} is no address; give one of this machine") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    # A page that has just ended keeps its port for a minute otherwise.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        # Two that listen are told apart here, not at the bind.
        listener.listen()
    except OSError as error:
        listener.close()
        raise InputError(
            f"{host} cannot listen at port {port} ({error.strerror}); if another page runs there, "
            "use that one or give another --port"
        ) from error
    return listener


def address(listener: socket.socket, host: str) -> str:
    """Returns what to type into a browser on this machine."""
    port = listener.getsockname()[1]
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
