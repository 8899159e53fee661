//! What the system has to give so that ten thousand workers can wait at once: a long queue of
//! connections to be accepted, and as many open files as there are connections.

use std::io;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted; the system may allow fewer (`somaxconn`). The
/// usual 128 overflow within milliseconds when a fleet of workers connects, and each connection
/// that the system drops costs its client a second.
const BACKLOG: u32 = 4_096;

/// How many connections there may be where the system allows it: ten thousand workers, each with
/// a long poll, and as many callers beside them.
const CONNECTIONS_MAX: usize = 20_000;

/// How many open files are not for connections: the database, the pipes of functions, and what
/// opens for a moment.
const FILES_RESERVED: usize = 1_000;

/// Listens at an address. Must run on a tokio runtime with I/O.
///
/// # Errors
///
/// The address is in use, or not one of this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As `TcpListener::bind` does: a restart must not wait for connections of the last run.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Raises the number of files that this process may have open as far as the system lets it, and says
/// how many connections the server may take so that files remain for all else.
///
/// Functions inherit the raised limit.
pub fn connections_max() -> usize {
    let allowed = getrlimit(Resource::Nofile);
    // Refused, it stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, maximum: allowed.maximum });
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| files as usize);
    connections_of(files)
}

/// How many of so many open files are for connections: all but the reserve, or half of few.
fn connections_of(files: usize) -> usize {
    files.saturating_sub(FILES_RESERVED).max(files / 2).min(CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_remain_beside_the_connections() {
        assert_eq!(connections_of(usize::MAX), 20_000);
        assert_eq!(connections_of(20_000), 19_000);
        assert_eq!(connections_of(1_024), 512);
    }
}
