//! A witness over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gate_audit::{AddCheckpoint, VerifierKey};
use gate_core::ports::{BoxFuture, Witness, WitnessError};
use tokio::task::spawn_blocking;
use ureq::Agent;
use ureq::http::StatusCode;

/// The total time that a witness may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The maximum number of bytes of an answer.
const MOST: u64 = 65_536;

/// A witness over HTTP, by C2SP [`tlog-witness`](https://c2sp.org/tlog-witness), like `gate audit
/// witness`.
///
/// ```
/// use gate_runtime::audit::{KeyKind, SigningKey};
/// use gate_runtime::Trail;
/// use gate_runtime::trail::HttpWitness;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (key, theirs) = (
/// #     SigningKey::from_seed("example.com/trail", KeyKind::Log, [1; 32])?,
/// #     SigningKey::from_seed("w", KeyKind::Witness, [2; 32])?,
/// # );
/// # let their_public_key = theirs.verifier().to_string();
/// let witness = HttpWitness::new("https://witness.example", [their_public_key.parse()?]);
/// let trail = Trail::in_folder("trail", key).witness(witness);
/// # let _ = trail;
/// # Ok(()) }
/// ```
///
/// It follows no redirects, and accepts an answer only if one of the witness's keys signed it.
#[derive(Clone)]
pub struct HttpWitness {
    url: Arc<str>,
    keys: Vec<VerifierKey>,
    agent: Agent,
}

impl HttpWitness {
    /// Creates the witness at a base address, to which `/add-checkpoint` is appended.
    #[must_use]
    pub fn new(url: &str, keys: impl IntoIterator<Item = VerifierKey>) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .http_status_as_error(false);
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/')).into();
        Self { url, keys: keys.into_iter().collect(), agent: config.build().into() }
    }
}

impl Witness for HttpWitness {
    fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    fn add<'a>(
        &'a self,
        request: &'a AddCheckpoint,
    ) -> BoxFuture<'a, Result<String, WitnessError>> {
        let (agent, url, body) = (self.agent.clone(), Arc::clone(&self.url), request.to_string());
        Box::pin(async move {
            let response = spawn_blocking(move || ask(&agent, &url, &body));
            response
                .await
                .map_err(|_| WitnessError::Unreachable("its runtime has ended".to_owned()))?
        })
    }
}

fn ask(agent: &Agent, url: &str, body: &str) -> Result<String, WitnessError> {
    let unreachable = |error: ureq::Error| WitnessError::Unreachable(format!("{url}: {error}"));
    let mut response = agent
        .post(url)
        .content_type("text/plain; charset=utf-8")
        .send(body)
        .map_err(unreachable)?;
    let status = response.status();
    let names_size =
        response.headers().get("content-type").is_some_and(|kind| kind == "text/x.tlog.size");
    let text =
        response.body_mut().with_config().limit(MOST).read_to_string().map_err(unreachable)?;
    match (status, text.trim().parse()) {
        (StatusCode::OK, _) => Ok(text),
        (StatusCode::CONFLICT, Ok(size)) if names_size => Err(WitnessError::Knows(size)),
        _ => {
            let excerpt: String =
                text.trim().chars().filter(|c| !c.is_control()).take(200).collect();
            Err(WitnessError::Refused(format!("{url}: {status}: {excerpt}")))
        }
    }
}

impl fmt::Debug for HttpWitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpWitness")
            .field("url", &self.url)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
