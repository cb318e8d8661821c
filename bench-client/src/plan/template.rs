//! What is measured of a server that is started here, whose address nobody
//! knows before: `http://{address}/path`, `unixgram://{path}`.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::base::failure::Failure;
use crate::plan::target::{Endpoint, Target};

/// Stands for a free port in a command.
pub(crate) const PORT: &str = "{port}";
/// Stands for 127.0.0.1 and a free port.
pub(crate) const ADDRESS: &str = "{address}";

/// Stands for the path of a socket in a folder of its own.
pub(crate) const PATH: &str = "{path}";

/// A target, with or without a place for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(String);

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Template, String> {
        let address = SocketAddr::from(([127, 0, 0, 1], 1)).into();
        let path = Endpoint::Path("/server.sock".into());
        let filled = put_in(&put_in(text, &address), &path);
        filled.parse::<Target>().map(|_| Template(text.to_owned()))
    }
}

impl Template {
    /// What is measured of a server at `endpoint` unless told: a stream of
    /// echoes.
    pub(crate) fn natural(endpoint: &Endpoint) -> Template {
        let text = match endpoint {
            Endpoint::Ip(_) => "tcp://{address}",
            Endpoint::Path(_) => "unix://{path}",
        };
        Template(text.to_owned())
    }

    /// The target of a server that listens at `endpoint`.
    ///
    /// # Errors
    /// When that makes no target.
    pub(crate) fn at(&self, endpoint: &Endpoint) -> Result<Target, Failure> {
        let filled = put_in(&self.0, endpoint);
        if has_place(&filled) {
            return Err(Failure::Usage(format!(
                "the server listens on {endpoint}, for which {} has no place; \
                 write {{address}} or {{port}} for an address, {{path}} for the path of a socket",
                self.0
            )));
        }
        filled.parse().map_err(Failure::Usage)
    }

    /// The target that needs no address.
    ///
    /// # Errors
    /// When there is a place for one.
    pub(crate) fn alone(&self) -> Result<Target, Failure> {
        self.0.parse().map_err(|err: String| {
            Failure::Usage(format!(
                "{err}; {{address}}, {{port}} and {{path}} are for a server that --spawn starts"
            ))
        })
    }
}

/// `text` with `endpoint` in the places for it.
pub(crate) fn put_in(text: &str, endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Ip(address) => text
            .replace(PORT, &address.port().to_string())
            .replace(ADDRESS, &address.to_string()),
        Endpoint::Path(path) => text.replace(PATH, &path.display().to_string()),
    }
}

/// Whether `text` has a place that is still empty.
pub(crate) fn has_place(text: &str) -> bool {
    [PORT, ADDRESS, PATH].iter().any(|place| text.contains(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_its_place() {
        let address = SocketAddr::from(([127, 0, 0, 1], 7000)).into();
        for (text, target) in [
            ("tcp://{address}", "tcp://127.0.0.1:7000"),
            ("http://localhost:{port}/a", "http://localhost:7000/a"),
            ("unix:///run/echo.sock", "unix:///run/echo.sock"),
        ] {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.at(&address).unwrap().to_string(), target);
        }
        let natural = Template::natural(&address).at(&address).unwrap();
        assert_eq!(natural.to_string(), "tcp://127.0.0.1:7000");
    }

    #[test]
    fn a_path_takes_its_place_and_no_others() {
        let path = Endpoint::Path("/run/a.sock".into());
        let template: Template = "unixgram://{path}".parse().unwrap();
        assert_eq!(template.at(&path).unwrap().to_string(), "unixgram:///run/a.sock");
        let natural = Template::natural(&path).at(&path).unwrap();
        assert_eq!(natural.to_string(), "unix:///run/a.sock");
        let template: Template = "tcp://{address}".parse().unwrap();
        let message = template.at(&path).unwrap_err().to_string();
        assert!(
            message.contains("/run/a.sock") && message.contains("{path}"),
            "{message}"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!("ftp://{address}".parse::<Template>().is_err());
        assert!("tcp://{adress}".parse::<Template>().is_err());
        assert!("tcp://{path}".parse::<Template>().is_err());
        let template: Template = "tcp://{address}".parse().unwrap();
        assert!(template.alone().is_err());
    }
}
