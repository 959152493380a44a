//! A witness, which checks that other trails keep their history.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use gate_runtime::audit::{
    self, AddCheckpoint, AddCheckpointError, Checkpoint, LogKeys, Note, TreeHead, replace_file,
};
use gate_runtime::id::Digest;
use gate_runtime::{Timestamp, Trail};

use super::{CommandResult, public_key};
use crate::args::AuditArgs;
use crate::error::CommandError;
use crate::output::{plain, print_text};

/// The most bytes of a request: a note and 63 hashes are far less.
const MOST: usize = 65_536;

/// A witness, with the folder of the checkpoints that it cosigned last.
struct WitnessServer {
    witness: audit::Witness,
    logs: Vec<LogKeys>,
    folder: PathBuf,
    /// Held from the decision until it is durable. A lock on the file keeps other processes out.
    turn: Mutex<File>,
}

pub(super) async fn serve(
    args: &AuditArgs,
    listen: &str,
    logs: &[String],
    folder: &Path,
) -> CommandResult {
    let witness = audit::Witness::new(Trail::read_key(&args.secret)?)?;
    let logs = logs.iter().map(|log| {
        let key = public_key(log)?;
        let origin = key.name().to_owned();
        Ok::<_, CommandError>(LogKeys::new(&origin, key)?)
    });
    let logs = logs.collect::<Result<Vec<_>, _>>()?;
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        let message = "this witness has no cosigned checkpoints. If its key has cosigned before, \
            stop the witness, and restore the folder or make a new key";
        writeln!(std::io::stderr(), "gate: {} is new: {message}", folder.display())?;
    }
    let lock = File::create(folder.join("lock"))?;
    lock.try_lock().map_err(|_| {
        CommandError::Trouble(format!(
            "{}: another witness process uses this folder",
            folder.display()
        ))
    })?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    print_text(&format!("{} listens at http://{}", witness.verifier(), listener.local_addr()?))?;
    let server = Arc::new(WitnessServer {
        witness,
        logs,
        folder: folder.to_owned(),
        turn: Mutex::new(lock),
    });
    let routes = Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state(server);
    Ok(axum::serve(listener, routes.layer(DefaultBodyLimit::max(MOST))).await?)
}

async fn add_checkpoint(State(server): State<Arc<WitnessServer>>, body: Bytes) -> Response {
    let decided = tokio::task::spawn_blocking(move || server.decide(&body)).await;
    match decided {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(WitnessRefusal::Refused(refusal))) => {
            let status =
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, refusal.body()).into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(refusal.content_type()));
            response
        }
        Ok(Err(WitnessRefusal::Malformed(error))) => {
            (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
        }
        Ok(Err(WitnessRefusal::Trouble(error))) => {
            // The result is ignored: if stderr is closed, the client still gets its response.
            let _ = writeln!(std::io::stderr(), "gate: {}", plain(error.to_string()));
            (StatusCode::INTERNAL_SERVER_ERROR, "the checkpoint cannot be stored\n").into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The reason why a checkpoint is not cosigned.
enum WitnessRefusal {
    Malformed(audit::Error),
    Refused(AddCheckpointError),
    Trouble(CommandError),
}

impl WitnessServer {
    /// Cosigns a checkpoint, after the decision is durable.
    fn decide(&self, body: &[u8]) -> Result<String, WitnessRefusal> {
        let request = AddCheckpoint::parse(body).map_err(WitnessRefusal::Malformed)?;
        // Two requests at once could otherwise both continue the same head, and both be cosigned.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last(request.origin()).map_err(WitnessRefusal::Trouble)?;
        // Only a clock before 1970 yields 0.
        let at = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let mut refused = AddCheckpointError::UnknownLog { origin: request.origin().to_owned() };
        // Several keys of one log are its keys over time; one of them must have signed.
        for keys in &self.logs {
            match self.witness.decide(keys, last, &request, at) {
                Ok(seen) => {
                    self.keep(&request).map_err(WitnessRefusal::Trouble)?;
                    return Ok(seen.response().to_owned());
                }
                Err(AddCheckpointError::UnknownLog { .. }) => {}
                Err(refusal) => refused = refusal,
            }
        }
        Err(WitnessRefusal::Refused(refused))
    }

    fn file(&self, origin: &str) -> PathBuf {
        let name = Digest::of(origin).to_string().replace(':', "-");
        self.folder.join(name)
    }

    /// Returns the tree head of a log that was cosigned last.
    fn last(&self, origin: &str) -> Result<Option<TreeHead>, CommandError> {
        let file = self.file(origin);
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(Note::parse(&bytes)?.text().parse::<Checkpoint>()?.head())),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CommandError::Trouble(format!("{}: {error}", file.display()))),
        }
    }

    fn keep(&self, request: &AddCheckpoint) -> Result<(), CommandError> {
        Ok(replace_file(self.file(request.origin()), request.checkpoint().to_string().as_bytes())?)
    }
}
