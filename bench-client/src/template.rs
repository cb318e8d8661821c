//! What is measured of a server that is started here, whose address nobody
//! knows before: `http://{address}/path`.

use std::net::SocketAddr;
use std::str::FromStr;

use crate::failure::Failure;
use crate::invocation::put_in;
use crate::target::Target;

/// A target, with or without a place for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(String);

impl Default for Template {
    fn default() -> Template {
        Template("tcp://{address}".to_owned())
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Template, String> {
        let template = Template(text.to_owned());
        template.filled(SocketAddr::from(([127, 0, 0, 1], 1))).map(|_| template)
    }
}

impl Template {
    /// The target of a server that listens at `address`.
    ///
    /// # Errors
    /// When that makes no target.
    pub(crate) fn at(&self, address: SocketAddr) -> Result<Target, Failure> {
        self.filled(address).map_err(Failure::Usage)
    }

    /// The target that needs no address.
    ///
    /// # Errors
    /// When there is a place for one.
    pub(crate) fn alone(&self) -> Result<Target, Failure> {
        self.0.parse().map_err(|err: String| {
            Failure::Usage(format!(
                "{err}; {{address}} and {{port}} are for a server that --spawn starts"
            ))
        })
    }

    fn filled(&self, address: SocketAddr) -> Result<Target, String> {
        put_in(&self.0, address).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_its_place() {
        let address = SocketAddr::from(([127, 0, 0, 1], 7000));
        for (text, target) in [
            ("tcp://{address}", "tcp://127.0.0.1:7000"),
            ("http://localhost:{port}/a", "http://localhost:7000/a"),
            ("unix:///run/echo.sock", "unix:///run/echo.sock"),
        ] {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.at(address).unwrap().to_string(), target);
        }
        assert_eq!(
            Template::default().at(address).unwrap().to_string(),
            "tcp://127.0.0.1:7000"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!("ftp://{address}".parse::<Template>().is_err());
        assert!("tcp://{adress}".parse::<Template>().is_err());
        assert!(Template::default().alone().is_err());
    }
}
