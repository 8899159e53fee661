//! `stepwell env`: what makes AWS's clients find the server.
//!
//! SDKs put `sync-` before the host for `StartSyncExecution` and `TestState`, whatever the endpoint.
//! Some can be told not to; for the others that name must resolve, which one line of the hosts file
//! does. The output can be given to a shell: `eval "$(stepwell env)"`.

use std::net::IpAddr;

use crate::complaint::{Complaint, Exit};

/// Where a server is that was started without flags.
pub const ENDPOINT: &str = "http://localhost:8083";

/// Prints the lines.
///
/// # Errors
///
/// A [`Complaint`] about an endpoint that is none.
pub fn env(flags: &crate::cli::Env) -> Result<Exit, Complaint> {
    print!("{}", lines(&flags.endpoint)?);
    Ok(Exit::Success)
}

/// The lines for the server at `endpoint`.
fn lines(endpoint: &str) -> Result<String, Complaint> {
    let endpoint = endpoint.strip_suffix('/').unwrap_or(endpoint);
    let host = host(endpoint).ok_or_else(|| {
        Complaint::usage("not an endpoint", endpoint).hint(format!("give a URL such as {ENDPOINT}"))
    })?;
    let address = match host {
        "localhost" => "127.0.0.1",
        host if host.parse::<IpAddr>().is_ok() => host,
        _ => "ADDRESS-OF-THE-SERVER",
    };
    // `[::1]` cannot have anything before it; its user has to take a name.
    let name = if host.starts_with('[') { "localhost" } else { host };
    let address = if host.starts_with('[') { host.trim_matches(['[', ']']) } else { address };
    Ok(format!(
        "export AWS_ENDPOINT_URL_SFN={endpoint}\n\
         export AWS_REGION=${{AWS_REGION:-us-east-1}}\n\
         export AWS_DEFAULT_REGION=${{AWS_DEFAULT_REGION:-$AWS_REGION}}\n\
         # AWS CLI and boto3: no sync- before the host (StartSyncExecution, TestState).\n\
         export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n\
         # An open server takes any key; the server's credentials file has yours otherwise.\n\
         export AWS_ACCESS_KEY_ID=${{AWS_ACCESS_KEY_ID:-stepwell}}\n\
         export AWS_SECRET_ACCESS_KEY=${{AWS_SECRET_ACCESS_KEY:-stepwell}}\n\
         # Other SDKs need the sync- name to resolve. The line for /etc/hosts:\n\
         # {address} sync-{name}\n"
    ))
}

/// The host of `http://HOST[:PORT]` or `https://HOST[:PORT]`, if it is written so that a shell
/// takes it as it is.
fn host(endpoint: &str) -> Option<&str> {
    let authority = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if !authority.chars().all(plain) {
        return None;
    }
    let end =
        authority.rfind(']').map_or_else(|| authority.find(':').unwrap_or(authority.len()), |at| at + 1);
    let (host, port) = authority.split_at(end);
    let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (!host.is_empty() && port_fits).then_some(host)
}

/// The recipe of each client, for the log of a server at `url` that is called by `name`.
pub fn sync_prefix_recipe(url: &str) -> String {
    let name = host(url).filter(|host| !host.starts_with('[')).unwrap_or("localhost");
    format!(
        "StartSyncExecution and TestState go to sync-{name}: AWS CLI and boto3 leave the prefix out with \
         AWS_DISABLE_HOST_PREFIX_INJECTION=true, the SDK for JavaScript with disableHostPrefix: true, that for Java with \
         -Daws.disableHostPrefixInjection=true; for the others make sync-{name} resolve (`stepwell env` prints the lines)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_can_be_given_to_a_shell() {
        let lines = lines("http://localhost:8083/").unwrap();
        assert!(lines.contains("export AWS_ENDPOINT_URL_SFN=http://localhost:8083\n"));
        assert!(lines.contains("export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n"));
        assert!(lines.ends_with("# 127.0.0.1 sync-localhost\n"));
        assert!(lines.lines().all(|line| line.starts_with("export ") || line.starts_with("# ")));
    }

    #[test]
    fn the_line_for_the_hosts_file_names_the_host_of_the_endpoint() {
        for (endpoint, line) in [
            ("https://box.local", "# ADDRESS-OF-THE-SERVER sync-box.local\n"),
            ("http://127.0.0.1:9", "# 127.0.0.1 sync-127.0.0.1\n"),
            ("http://[::1]:9", "# ::1 sync-localhost\n"),
        ] {
            let lines = lines(endpoint).unwrap();
            assert!(lines.ends_with(line), "{lines}");
        }
        for bad in [
            "",
            "localhost:8083",
            "http://",
            "http://a b",
            "http://a/b",
            "http://a:x",
            "http://$(reboot)",
            "http://a;b",
        ] {
            assert!(lines(bad).is_err(), "{bad}");
        }
    }
}
