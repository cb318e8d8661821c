//! Reading an [`Address`] from its text or its parts.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

use nix::libc::sockaddr_un;
use nix::net::if_::if_nametoindex;

use super::super::activation;
use super::Address;
use crate::{Error, Result};

/// The longest path `unix(7)` takes, 107 bytes on Linux: the final NUL has to
/// fit into `sun_path` too.
const PATH_LIMIT: usize = size_of::<sockaddr_un>() - offset_of!(sockaddr_un, sun_path) - 1;

impl FromStr for Address {
    type Err = Error;

    /// Reads the text of an address, by the rules that [`Address`] lists.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedAddress`] if no rule fits, with what is wrong, and
    /// [`Error::PathTooLong`] for a path that `unix(7)` has no room for.
    fn from_str(text: &str) -> Result<Self> {
        // First, because a path may contain what every other form refuses.
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(text, PathBuf::from(path));
        }
        if let Some(name) = text.strip_prefix("unix-abstract:") {
            return abstract_name(text, name);
        }
        refuse_foreign_forms(text)?;
        if let Some(number) = text.strip_prefix("fd:") {
            return descriptor(text, number);
        }
        if let Some(which) = passed_socket(text) {
            return activation::find(which)
                .map(Address::Fd)
                .map_err(|reason| malformed(text, reason));
        }
        if is_digits(text) {
            return port(text, text).map(|port| Address::Any { port });
        }
        if let Some(rest) = text.strip_prefix('[') {
            return bracketed(text, rest);
        }
        host_and_port(text)
    }
}

/// A Unix address of `path`; `value` is what the caller gave, for the error.
pub(super) fn unix(value: &str, path: PathBuf) -> Result<Address> {
    let length = path.as_os_str().len();
    if length == 0 {
        return Err(malformed(value, "the path of the Unix socket is empty"));
    }
    if contains_nul(path.as_os_str()) {
        return Err(malformed(value, "the path contains a NUL byte"));
    }
    if length > PATH_LIMIT {
        let limit = PATH_LIMIT;
        return Err(Error::PathTooLong { path, length, limit });
    }
    Ok(Address::Unix(path))
}

fn abstract_name(value: &str, name: &str) -> Result<Address> {
    if name.is_empty() {
        return Err(malformed(value, "the name of the abstract Unix socket is empty"));
    }
    if name.len() > PATH_LIMIT {
        let (path, length, limit) = (PathBuf::from(name), name.len(), PATH_LIMIT);
        return Err(Error::PathTooLong { path, length, limit });
    }
    Ok(Address::Abstract(name.as_bytes().to_vec()))
}

/// The address of a host as Python's `(host, port)` tuples write it: an empty
/// host is every interface, and an IPv6 address has no brackets.
pub(super) fn pair(host: &str, port: u16) -> Result<Address> {
    match ipv6(host, port) {
        Some(address) => Ok(Address::Ip(address)),
        None => host_of(&format!("{host}:{port}"), host, port),
    }
}

fn contains_nul(path: &OsStr) -> bool {
    path.as_bytes().contains(&0)
}

fn refuse_foreign_forms(text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(malformed(text, "it is empty"));
    }
    if text.contains(char::is_whitespace) {
        return Err(malformed(text, "it contains spaces"));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        let reason = format!("it is a URL; drop the scheme `{scheme}://` and any path");
        return Err(malformed(text, reason));
    }
    Ok(())
}

/// Which of the sockets that this process was started with is meant, if one is.
fn passed_socket(text: &str) -> Option<&str> {
    match text.strip_prefix("systemd")? {
        "" => Some(""),
        rest => rest.strip_prefix(':').filter(|which| !which.is_empty()),
    }
}

fn descriptor(text: &str, number: &str) -> Result<Address> {
    let reason = || format!("{number:?} is not the number of a descriptor, as in fd:3");
    if !is_digits(number) {
        return Err(malformed(text, reason()));
    }
    let number: RawFd = number.parse().map_err(|_| malformed(text, reason()))?;
    Ok(Address::Fd(number))
}

fn bracketed(text: &str, rest: &str) -> Result<Address> {
    let Some((host, rest)) = rest.split_once(']') else {
        return Err(malformed(text, "the closing bracket is missing"));
    };
    let Some(digits) = rest.strip_prefix(':') else {
        let reason = format!("the port is missing, as in [{host}]:8080");
        return Err(malformed(text, reason));
    };
    let port = port(text, digits)?;
    let host = with_numbered_scope(text, host)?;
    ipv6(&host, port)
        .map(Address::Ip)
        .ok_or_else(|| malformed(text, format!("{host:?} is not an IPv6 address")))
}

/// The same host with the interface's number for its name (`fe80::1%eth0`).
fn with_numbered_scope<'a>(text: &str, host: &'a str) -> Result<Cow<'a, str>> {
    match host.split_once('%') {
        Some((address, scope)) if !is_digits(scope) => {
            let number = if_nametoindex(scope)
                .map_err(|_| malformed(text, format!("this machine has no interface {scope:?}")))?;
            Ok(Cow::Owned(format!("{address}%{number}")))
        }
        _ => Ok(Cow::Borrowed(host)),
    }
}

fn host_and_port(text: &str) -> Result<Address> {
    let Some((host, digits)) = text.rsplit_once(':') else {
        return Err(malformed(text, missing_port(text)));
    };
    if host.contains(':') {
        let reason = "it has more than one colon; an IPv6 address needs brackets, as in [::1]:8080";
        return Err(malformed(text, reason));
    }
    let port = port(text, digits)?;
    host_of(text, host, port)
}

fn missing_port(text: &str) -> String {
    if text.contains('/') {
        format!("the path of a Unix socket is written unix:{text}")
    } else {
        format!("the port is missing, as in {text}:8080")
    }
}

fn host_of(value: &str, host: &str, port: u16) -> Result<Address> {
    if host.is_empty() || host == "*" {
        return Ok(Address::Any { port });
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(Address::Ip((ip, port).into()));
    }
    check_name(value, host)?;
    let host = host.to_owned();
    Ok(Address::Host { host, port })
}

fn check_name(value: &str, host: &str) -> Result<()> {
    if let Some(character) = host.chars().find(|character| !is_of_name(*character)) {
        let reason =
            format!("the host contains {character:?}, but may have only ASCII letters, digits, '-', '.' and '_'");
        return Err(malformed(value, reason));
    }
    if host.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit()) {
        let reason = format!("{host:?} is not an IPv4 address: that is four numbers up to 255 without leading zeros");
        return Err(malformed(value, reason));
    }
    // Their text would read as another kind of address.
    if ["unix", "unix-abstract", "fd", "systemd"].contains(&host.to_ascii_lowercase().as_str()) {
        let reason = format!(
            "unix:PATH, unix-abstract:NAME, fd:NUMBER and systemd:NAME are lower case, and a machine called {host} is written {host}."
        );
        return Err(malformed(value, reason));
    }
    Ok(())
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._".contains(character)
}

/// std's parser does it all, so that scopes are read exactly as std reads them.
fn ipv6(host: &str, port: u16) -> Option<SocketAddr> {
    let address: SocketAddrV6 = format!("[{host}]:{port}").parse().ok()?;
    Some(SocketAddr::V6(address))
}

fn port(text: &str, digits: &str) -> Result<u16> {
    if digits.is_empty() {
        return Err(malformed(text, "the port after the colon is missing"));
    }
    if !is_digits(digits) {
        let reason = format!("the port {digits:?} is not a number");
        return Err(malformed(text, reason));
    }
    let too_large = |_| malformed(text, format!("the port {digits} is above 65535"));
    digits.parse().map_err(too_large)
}

/// std's number parsers also take a sign, which no address has.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn malformed(value: &str, reason: impl Into<String>) -> Error {
    Error::MalformedAddress {
        value: value.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        match text.parse::<Address>() {
            Err(Error::MalformedAddress { value, reason }) => {
                assert_eq!(value, text);
                reason
            }
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    fn host(host: &str, port: u16) -> Address {
        let host = host.to_owned();
        Address::Host { host, port }
    }

    #[test]
    fn reads_ip_addresses() {
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        assert_eq!(read("127.0.0.1:80"), ip("127.0.0.1:80"));
        assert_eq!(read("0.0.0.0:0"), ip("0.0.0.0:0"));
        assert_eq!(read("[::1]:65535"), ip("[::1]:65535"));
        assert_eq!(read("[::]:80"), ip("[::]:80"));
        assert_eq!(read("[::ffff:1.2.3.4]:80"), ip("[::ffff:1.2.3.4]:80"));
    }

    #[test]
    fn reads_a_numeric_scope() {
        let address = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 2);
        assert_eq!(read("[fe80::1%2]:80"), Address::Ip(address.into()));
    }

    #[test]
    fn reads_host_names_without_resolving_them() {
        assert_eq!(read("localhost:80"), host("localhost", 80));
        assert_eq!(read("no.such.invalid:80"), host("no.such.invalid", 80));
        assert_eq!(read("a-b_c.Example.:80"), host("a-b_c.Example.", 80));
        assert_eq!(read("1and1.com:80"), host("1and1.com", 80));
        assert_eq!(read("fd.:80"), host("fd.", 80));
    }

    #[test]
    fn reads_all_interfaces() {
        for text in [":8080", "*:8080", "8080", "08080"] {
            assert_eq!(read(text), Address::Any { port: 8080 }, "{text}");
        }
        assert_eq!(read("0"), Address::Any { port: 0 });
    }

    #[test]
    fn what_systemd_passed_is_no_machine() {
        // This process was started without.
        for text in ["systemd", "systemd:http", "systemd:80"] {
            assert!(refusal(text).contains("LISTEN_FDS"), "{text}");
        }
        assert!(refusal("systemd:").contains("port"));
        assert!(refusal("SystemD:80").contains("systemd:NAME"));
        assert_eq!(read("systemd.:80"), host("systemd.", 80));
        assert_eq!(read("systemd1:80"), host("systemd1", 80));
    }

    #[test]
    fn reads_an_interface_by_its_name() {
        let lo = if_nametoindex("lo").unwrap();
        assert_eq!(read("[fe80::1%lo]:80").to_string(), format!("[fe80::1%{lo}]:80"));
        assert_eq!(read("[fe80::1%lo]:80"), read(&format!("[fe80::1%{lo}]:80")));
        assert!(refusal("[fe80::1%nowhere0]:80").contains("no interface \"nowhere0\""));
        assert!(refusal("[fe80::x%lo]:80").contains("not an IPv6 address"));
    }

    #[test]
    fn reads_abstract_names() {
        assert_eq!(read("unix-abstract:a b/c:1"), Address::Abstract(b"a b/c:1".to_vec()));
        assert!(refusal("unix-abstract:").contains("empty"));
        let long = format!("unix-abstract:{}", "n".repeat(PATH_LIMIT + 1));
        assert!(matches!(long.parse::<Address>(), Err(Error::PathTooLong { .. })));
    }

    #[test]
    fn reads_unix_paths() {
        let unix = |path: &str| Address::Unix(PathBuf::from(path));
        for path in ["/run/a.sock", "run/a.sock", "80", "/a b", " a ", "///a", "@a", "é\n"] {
            assert_eq!(read(&format!("unix:{path}")), unix(path), "{path}");
        }
    }

    #[test]
    fn reads_descriptors() {
        assert_eq!(read("fd:3"), Address::Fd(3));
        assert_eq!(read("fd:0"), Address::Fd(0));
        assert_eq!(read("fd:2147483647"), Address::Fd(RawFd::MAX));
    }

    #[test]
    fn refuses_empty_text_and_spaces() {
        assert!(refusal("").contains("empty"));
        for text in [
            " ",
            " :80",
            "localhost: 80",
            "local host:80",
            "80\n",
            "fd: 3",
            " unix:/a",
            "a\u{a0}:80",
        ] {
            assert!(refusal(text).contains("spaces"), "{text}");
        }
    }

    #[test]
    fn refuses_a_missing_port() {
        for text in [
            "localhost",
            "127.0.0.1",
            "*",
            ":",
            "localhost:",
            "[::1]",
            "[::1]80",
            "[::1]:",
        ] {
            let reason = refusal(text);
            assert!(reason.contains("port") && reason.contains("missing"), "{text}");
        }
        assert!(refusal("localhost").contains("localhost:8080"));
    }

    #[test]
    fn refuses_a_port_that_is_no_number() {
        for text in [":http", ":+80", ":-1", "a:8o", "[::1]:x", "a:80/", ":٣", "a:80 "] {
            let reason = refusal(text);
            assert!(
                reason.contains("not a number") || reason.contains("spaces"),
                "{text}: {reason}"
            );
        }
    }

    #[test]
    fn refuses_a_port_above_the_limit() {
        for text in [":65536", "65536", "a:99999999999999999999", "[::1]:65536"] {
            assert!(refusal(text).contains("above 65535"), "{text}");
        }
        assert_eq!(read(":65535").port(), Some(65535));
    }

    #[test]
    fn refuses_ipv6_without_brackets() {
        for text in ["::1", "::1:80", "::", "fe80::1%2:80", "a:b:80"] {
            assert!(refusal(text).contains("brackets"), "{text}");
        }
    }

    #[test]
    fn refuses_wrong_brackets() {
        assert!(refusal("[::1").contains("closing bracket"));
        for text in ["[127.0.0.1]:80", "[localhost]:80", "[]:80", "[[::1]]:80"] {
            refusal(text);
        }
    }

    #[test]
    fn refuses_an_empty_unix_path_and_nul() {
        assert!(refusal("unix:").contains("empty"));
        assert!(refusal("unix:/a\0b").contains("NUL"));
        assert!(refusal("unix:\0abstract").contains("NUL"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn refuses_a_path_that_does_not_fit() {
        let fits = "p".repeat(107);
        assert_eq!(read(&format!("unix:{fits}")), Address::Unix(PathBuf::from(&fits)));
        // Bytes count, not characters.
        for long in ["p".repeat(108), "é".repeat(54)] {
            match format!("unix:{long}").parse::<Address>() {
                Err(Error::PathTooLong {
                    path,
                    length: 108,
                    limit: 107,
                }) => {
                    assert_eq!(path, PathBuf::from(long));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_limit_is_the_one_the_system_has() {
        let directory = tempfile::tempdir().unwrap();
        let used = directory.path().as_os_str().len() + 1;
        let fits = directory.path().join("p".repeat(PATH_LIMIT - used));
        std::os::unix::net::UnixListener::bind(fits).unwrap();
        let long = directory.path().join("p".repeat(PATH_LIMIT - used + 1));
        std::os::unix::net::UnixListener::bind(long).unwrap_err();
    }

    #[test]
    fn refuses_garbage_descriptors() {
        for text in ["fd:", "fd:-1", "fd:+3", "fd:x", "fd:3x", "fd:2147483648", "fd:3:4"] {
            assert!(refusal(text).contains("descriptor"), "{text}");
        }
    }

    #[test]
    fn refuses_urls() {
        for text in ["tcp://localhost:80", "http://localhost:80/index", "fd://3", "://"] {
            let reason = refusal(text);
            assert!(reason.contains("URL") && reason.contains("drop the scheme"), "{text}");
        }
        assert!(refusal("tcp://localhost:80").contains("`tcp://`"));
    }

    #[test]
    fn refuses_bad_hosts() {
        for text in [
            "a/b:80",
            "user@host:80",
            "bücher.example:80",
            "a\0b:80",
            "**:80",
            "a,b:80",
        ] {
            assert!(refusal(text).contains("the host contains"), "{text}");
        }
        for text in [
            "256.0.0.1:80",
            "010.0.0.1:80",
            "127.1:80",
            "0:80",
            "..:80",
            "1.2.3.4.:80",
        ] {
            assert!(refusal(text).contains("IPv4"), "{text}");
        }
        for text in ["FD:3", "Unix:80"] {
            assert!(refusal(text).contains("lower case"), "{text}");
        }
        assert!(refusal("/run/a.sock").contains("unix:/run/a.sock"));
    }

    #[test]
    fn pairs_follow_python() {
        let ip = |text: &str| Address::Ip(text.parse().unwrap());
        assert_eq!(pair("", 80).unwrap(), Address::Any { port: 80 });
        assert_eq!(pair("*", 80).unwrap(), Address::Any { port: 80 });
        assert_eq!(pair("127.0.0.1", 80).unwrap(), ip("127.0.0.1:80"));
        assert_eq!(pair("::1", 80).unwrap(), ip("[::1]:80"));
        assert_eq!(pair("fe80::1%2", 80).unwrap(), ip("[fe80::1%2]:80"));
        assert_eq!(pair("localhost", 80).unwrap(), host("localhost", 80));
        for host in ["local host", "a:b", "[::1]", "fd", "UNIX", "tcp://a", "1.2"] {
            pair(host, 80).unwrap_err();
        }
    }

    /// What a property holds for: any value that a conversion can give.
    fn addresses() -> impl Strategy<Value = Address> {
        let ipv4 = (any::<Ipv4Addr>(), any::<u16>()).prop_map(|parts| Address::Ip(parts.into()));
        let ipv6 = (any::<Ipv6Addr>(), any::<u16>(), any::<u32>())
            .prop_map(|(ip, port, scope)| Address::Ip(SocketAddrV6::new(ip, port, 0, scope).into()));
        let hosts =
            ("[a-zA-Z0-9._-]{1,40}", any::<u16>()).prop_filter_map("refused", |(host, port)| pair(&host, port).ok());
        let paths = any::<String>().prop_filter_map("refused", |path| unix(&path, PathBuf::from(&path)).ok());
        prop_oneof![
            ipv4,
            ipv6,
            hosts,
            any::<u16>().prop_map(|port| Address::Any { port }),
            paths,
            (0..=RawFd::MAX).prop_map(Address::Fd),
        ]
    }

    /// Texts that come close to the grammar, where plain noise never gets.
    fn near_addresses() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            proptest::sample::select(vec![
                "unix:",
                "fd:",
                "tcp://",
                "[",
                "]",
                ":",
                "::",
                "%",
                "*",
                ".",
                "/",
                "-",
                "_",
                " ",
                "\0",
                "é",
                "a",
                "unix",
                "fd",
                "localhost",
                "127.0.0.1",
                "fe80::1",
                "0",
                "80",
                "65536",
            ])
            .prop_map(str::to_owned),
            any::<u32>().prop_map(|number| number.to_string()),
            any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(part, 0..7).prop_map(|parts| parts.concat())
    }

    fn check_any_text(text: &str) {
        if let Ok(address) = text.parse::<Address>() {
            let canonical = address.to_string();
            let again = read(&canonical);
            assert_eq!(again, address);
            assert_eq!(again.to_string(), canonical);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn display_parses_back(address in addresses()) {
            prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        }

        #[test]
        fn fuzz_any_text(text in any::<String>()) {
            check_any_text(&text);
        }

        #[test]
        fn fuzz_near_addresses(text in near_addresses()) {
            check_any_text(&text);
        }

        #[test]
        fn fuzz_pairs(host in any::<String>(), ip in any::<IpAddr>(), number in any::<u16>()) {
            if let Ok(address) = pair(&host, number) {
                check_any_text(&address.to_string());
            }
            let expected = Address::Ip((ip, number).into());
            prop_assert_eq!(pair(&ip.to_string(), number).unwrap(), expected);
        }
    }
}
