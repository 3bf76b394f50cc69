//! The search for what a run must not tell, and a tap that shows what has passed.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What is secret, each with what it is.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Adds one.
    pub fn add(&mut self, what: &str, secret: &str) {
        self.0.push((what.to_owned(), secret.to_owned()));
    }

    /// The secrets that a text has in it, in whatever form; what they are, not what they say.
    #[must_use]
    pub fn within(&self, text: &str) -> Vec<&str> {
        let found = |(_, secret): &&(String, String)| {
            forms(secret).iter().any(|form| text.contains(form.as_str()))
        };
        self.0.iter().filter(found).map(|(what, _)| what.as_str()).collect()
    }

    /// Checks that no secret is in what was said: each place, and the text there.
    ///
    /// # Errors
    ///
    /// One is; the place and the lines are part of the error.
    pub fn are_nowhere_in(&self, said: &[(String, String)]) -> anyhow::Result<()> {
        for (place, text) in said {
            let found = self.within(text);
            let lines = || {
                let told = text.lines().filter(|line| !self.within(line).is_empty());
                told.take(5).collect::<Vec<_>>().join("\n")
            };
            ensure!(found.is_empty(), "{place} tells {found:?}:\n{}", lines());
        }
        Ok(())
    }
}

/// A text as it is, within JSON, within a URL, and within base64, where it has three forms by the
/// position at which it begins.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let url = |lower: bool| {
        let byte = |byte: u8| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ if lower => format!("%{byte:02x}"),
            _ => format!("%{byte:02X}"),
        };
        secret.bytes().map(byte).collect::<String>()
    };
    let mut forms =
        vec![secret.to_owned(), quoted.trim_matches('"').to_owned(), url(true), url(false)];
    for before in 0..3 {
        let mut bytes = vec![b' '; before];
        bytes.extend(secret.bytes());
        let encoded = BASE64_STANDARD.encode(&bytes);
        // Only what does not depend on what stands before and behind.
        let sure = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        forms.push(encoded[sure].to_owned());
    }
    forms
}

/// A way to a server through which everything that passes can be read.
#[derive(Debug)]
pub struct Tap {
    url: String,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// A tap before a server that speaks plain HTTP.
    ///
    /// # Errors
    ///
    /// No port is free, or `url` is another.
    pub async fn before(url: &str) -> anyhow::Result<Self> {
        let server = url.strip_prefix("http://").context("plain HTTP")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let passed = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&passed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = upstream.into_split();
                tokio::spawn(hand_on(from_client, to_server, Arc::clone(&kept)));
                tokio::spawn(hand_on(from_server, to_client, Arc::clone(&kept)));
            }
        });
        Ok(Self { url, passed })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Everything that has passed, in both directions.
    #[must_use]
    pub fn passed(&self) -> String {
        let passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&passed).into_owned()
    }

    /// The texts of all XML elements of this name that have passed.
    #[must_use]
    pub fn elements(&self, name: &str) -> Vec<String> {
        let (passed, start, end) = (self.passed(), format!("<{name}>"), format!("</{name}>"));
        let texts = passed.split(&start).skip(1).filter_map(|rest| Some(rest.split_once(&end)?.0));
        texts.map(str::to_owned).collect()
    }
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    kept: Arc<Mutex<Vec<u8>>>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let mut secrets = Secrets::default();
        secrets.add("it", "a/b+c=\"vault\"");
        let encoded =
            |before: &str| BASE64_STANDARD.encode(format!("{before}a/b+c=\"vault\" and more"));
        for text in [
            "see a/b+c=\"vault\"".to_owned(),
            "see a%2Fb%2Bc%3D%22vault%22".to_owned(),
            "see a%2fb%2bc%3d%22vault%22".to_owned(),
            serde_json::json!({ "see": "a/b+c=\"vault\"" }).to_string(),
            encoded(""),
            encoded("1"),
            encoded("12"),
            encoded("123"),
        ] {
            assert_eq!(secrets.within(&text), ["it"], "{text}");
        }
        assert!(secrets.within("a/b+c").is_empty());
    }
}
