//! What the environment says about the hub, by the names that Python's `huggingface_hub` reads.

use std::{env, ffi::OsString, fmt, path::PathBuf, thread, time::Duration};

use super::{HubError, expand::expand};

/// The hub where nothing else is said.
const ENDPOINT: &str = "https://huggingface.co";

/// What names a proxy, the first that is set.
const PROXIES: [&str; 6] = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

/// What names certificate authorities, in PEM: OpenSSL's variables, and those of Python's requests and of curl.
const CERTIFICATES: [&str; 4] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// What a variable of the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T> {
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub value: T,
}

/// Where the hub is, what of it is here, and how long to wait for it.
#[derive(Clone)]
pub struct HubSettings {
    /// Its address, without a slash at the end.
    pub endpoint: String,
    /// The folder of the cache, which need not be there.
    pub cache: PathBuf,
    /// What opens private and gated models. Sent to the endpoint alone.
    pub token: Option<String>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// The proxy to go through, where there is one. It may hold a password.
    pub proxy: Option<Named<String>>,
    /// Hosts to reach without it, as `NO_PROXY` lists them.
    pub no_proxy: String,
    /// Files and folders of certificate authorities that count beside the built-in ones; without any, this machine's do.
    pub certificates: Vec<Named<PathBuf>>,
    /// How long a server may be silent before the connection counts as broken.
    pub silence: Duration,
    /// How long to wait before the first new attempt; twice as long before each further one.
    pub pause: Duration,
    /// Lets time pass; another function than that of the standard library is for tests.
    pub sleep: fn(Duration),
}

/// A token is never shown.
impl fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSettings")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("has_token", &self.token.is_some())
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl HubSettings {
    /// `HF_ENDPOINT`; the cache from `HF_HUB_CACHE`, `HF_HOME` or the home folder; the token from `HF_TOKEN` or the
    /// file that a login leaves; `HF_HUB_OFFLINE`; proxies and certificates by the names that other programs read.
    ///
    /// # Errors
    /// Where a variable cannot be used, or no folder is known for the cache.
    pub fn from_environment() -> Result<Self, HubError> {
        Self::read(&|name| env::var_os(name), etcetera::home_dir().ok())
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for this call")]
    fn read(variable: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Result<Self, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| set(name));
        let folder = |value: OsString| expand(&value, variable, home.as_deref());
        let above = match set("HF_HOME").map(folder) {
            Some(above) => Some(above),
            None => set("XDG_CACHE_HOME")
                .map(folder)
                .or_else(|| home.as_ref().map(|home| home.join(".cache")))
                .map(|caches| caches.join("huggingface")),
        };
        let cache = match first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).map(folder) {
            Some(cache) => cache,
            None => above.as_ref().ok_or(HubError::NoHome)?.join("hub"),
        };
        let text = |value: OsString| value.to_string_lossy().trim().to_owned();
        let token = first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).map(text).or_else(|| {
            let file = set("HF_TOKEN_PATH").map(folder).or_else(|| above.as_ref().map(|above| above.join("token")))?;
            Some(crate::files::read_text(&file).ok()?.trim().to_owned())
        });
        let token = token.filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(HubError::Environment {
                variable: "HF_TOKEN",
                found: "no token".to_owned(),
                expected: "a token has letters, digits and signs, and nothing else",
            });
        }
        let endpoint = set("HF_ENDPOINT").map_or_else(|| ENDPOINT.to_owned(), text);
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://")).is_some_and(is_place) {
            return Err(HubError::Environment {
                variable: "HF_ENDPOINT",
                found: format!("`{endpoint}`"),
                expected: "it must be an address that begins with https:// or http://",
            });
        }
        let offline = first(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
            .is_some_and(|value| matches!(text(value).to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE"));
        let proxy = PROXIES.into_iter().find_map(|variable| Some(Named { variable, value: text(set(variable)?) }));
        let certificates = CERTIFICATES.into_iter().filter_map(|name| Some((name, set(name)?)));
        let certificates = certificates.flat_map(|(variable, value)| {
            // Only a folder's variable may hold several.
            let paths: Vec<_> = match variable {
                "SSL_CERT_DIR" => env::split_paths(&value).collect(),
                _ => vec![PathBuf::from(value)],
            };
            paths.into_iter().map(move |value| Named { variable, value })
        });
        Ok(Self {
            endpoint,
            cache,
            token,
            offline,
            proxy,
            no_proxy: first(&["NO_PROXY", "no_proxy"]).map(text).unwrap_or_default(),
            certificates: certificates.collect(),
            silence: Duration::from_secs(30),
            pause: Duration::from_millis(500),
            sleep: thread::sleep,
        })
    }
}

/// Whether host and path are plain.
fn is_place(place: &str) -> bool {
    !place.is_empty()
        && !place.starts_with('/')
        && place.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@' | b'\\' | b'"'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::model::testing::Folder;

    fn read(variables: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        let get = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
        };
        HubSettings::read(&get, Some(PathBuf::from("/home/ada")))
    }

    #[test]
    fn the_cache_lies_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| read(variables).unwrap().cache;
        assert_eq!(cache(&[]), PathBuf::from("/home/ada/.cache/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/var/c")]), PathBuf::from("/var/c/huggingface/hub"));
        assert_eq!(cache(&[("HF_HOME", "/hf"), ("XDG_CACHE_HOME", "/var/c")]), PathBuf::from("/hf/hub"));
        assert_eq!(cache(&[("HF_HOME", "~/hf")]), PathBuf::from("/home/ada/hf/hub"));
        assert_eq!(cache(&[("HF_HUB_CACHE", "/models"), ("HF_HOME", "/hf")]), PathBuf::from("/models"));
        for (variable, below) in [("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub"), ("HF_HUB_CACHE", "")] {
            for value in ["$DISK/m", "${DISK}/m", "~/../../disk/m"] {
                let found = cache(&[(variable, value), ("DISK", "/disk")]);
                let expected = if value.starts_with('~') { "/home/ada/../../disk/m" } else { "/disk/m" };
                assert_eq!(found, PathBuf::from(expected).join(below), "{variable}={value}");
            }
        }
        assert_eq!(cache(&[("HF_HUB_CACHE", ""), ("HF_HOME", "/hf")]), PathBuf::from("/hf/hub"));
        let nowhere = HubSettings::read(&|_| None, None).unwrap_err();
        assert!(nowhere.to_string().contains("set HF_HOME"));
    }

    #[test]
    fn the_token_comes_from_the_environment_or_from_a_login() {
        let folder = Folder::new();
        fs::write(folder.path().join("token"), "hf_login\n").unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(read(&[("HF_HOME", home)]).unwrap().token.as_deref(), Some("hf_login"));
        let named = read(&[("HF_TOKEN_PATH", "${WHERE}/token"), ("WHERE", home)]).unwrap();
        assert_eq!(named.token.as_deref(), Some("hf_login"));
        assert_eq!(read(&[("HF_HOME", home), ("HF_TOKEN", " hf_x ")]).unwrap().token.as_deref(), Some("hf_x"));
        assert_eq!(read(&[]).unwrap().token, None);
        let broken = read(&[("HF_TOKEN", "hf_secret\u{7}x")]).unwrap_err().to_string();
        assert!(broken.contains("HF_TOKEN") && !broken.contains("secret"), "{broken}");
        let shown = format!("{:?}", read(&[("HF_TOKEN", "hf_secret")]).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn endpoint_and_offline_mode_are_read() {
        assert_eq!(read(&[]).unwrap().endpoint, ENDPOINT);
        assert_eq!(read(&[("HF_ENDPOINT", "http://mirror:8080/hf/")]).unwrap().endpoint, "http://mirror:8080/hf");
        for wrong in ["mirror", "ftp://mirror", "https://", "https://a?b"] {
            let message = read(&[("HF_ENDPOINT", wrong)]).unwrap_err().to_string();
            assert!(message.starts_with("HF_ENDPOINT is `") && message.contains("https:// or http://"), "{message}");
        }
        assert!(!read(&[("HF_HUB_OFFLINE", "0")]).unwrap().offline);
        for on in ["1", "on", "TRUE", "yes"] {
            assert!(read(&[("HF_HUB_OFFLINE", on)]).unwrap().offline);
        }
    }

    #[test]
    fn proxies_and_certificates_are_read_from_the_variables_of_other_programs() {
        let none = read(&[]).unwrap();
        assert_eq!((none.proxy, none.certificates), (None, Vec::new()));
        let variables = [
            ("https_proxy", "http://proxy:3128"),
            ("http_proxy", "http://other:1"),
            ("NO_PROXY", "mirror, .inner"),
            ("SSL_CERT_FILE", "/ca.pem"),
            ("SSL_CERT_DIR", "/a:/b"),
            ("REQUESTS_CA_BUNDLE", "/bundle:1.pem"),
        ];
        let settings = read(&variables).unwrap();
        assert_eq!(settings.proxy, Some(Named { variable: "https_proxy", value: "http://proxy:3128".to_owned() }));
        assert_eq!(settings.no_proxy, "mirror, .inner");
        let found: Vec<_> =
            settings.certificates.iter().map(|named| (named.variable, named.value.to_str().unwrap())).collect();
        assert_eq!(
            found,
            [
                ("SSL_CERT_FILE", "/ca.pem"),
                ("SSL_CERT_DIR", "/a"),
                ("SSL_CERT_DIR", "/b"),
                ("REQUESTS_CA_BUNDLE", "/bundle:1.pem")
            ]
        );
    }
}
