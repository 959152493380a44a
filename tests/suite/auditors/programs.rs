//! The auditors' programs that this machine can run, and our own verifier, run in the same way.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};

use gate_runtime::audit::{LogKeys, Receipt, VerifierKey, WitnessPolicy, read_keys};
use gate_runtime::trail::{Auditor, TrailReader, VerifiedReceipt};

/// A program, and the command that starts it; no command for our own verifier.
pub struct Program {
    pub name: &'static str,
    command: Vec<PathBuf>,
}

/// Returns the verifiers of `gate audit verify` and `gate audit verify-receipt`.
pub fn ours() -> &'static Program {
    static OURS: Program = Program { name: "gate", command: Vec::new() };
    &OURS
}

/// The answer of a program.
pub struct ProgramOutput {
    name: &'static str,
    pub code: Option<i32>,
    out: String,
    err: String,
}

/// Returns the programs that can run here. Prints the others, with the reason.
pub fn programs() -> &'static [Program] {
    static PROGRAMS: OnceLock<Vec<Program>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let found = [("verify.py", python()), ("the Go program", go()), ("verify.sh", shell())];
        let usable = |(name, found): (&'static str, Result<Vec<PathBuf>, String>)| match found {
            Ok(command) => Some(Program { name, command }),
            Err(reason) => {
                // Not `eprintln`, whose output `cargo test` hides if a test passes.
                let line = format!("skipped: auditor: {name}: {reason}\n");
                std::io::stderr().write_all(line.as_bytes()).unwrap();
                None
            }
        };
        found.into_iter().filter_map(usable).collect()
    })
}

fn auditor() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("auditor")
}

fn says(command: &mut Command) -> Option<Output> {
    command.output().ok().filter(|output| output.status.success())
}

fn python() -> Result<Vec<PathBuf>, String> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/auditor/bin/python");
    let python = if ours.exists() { ours } else { "python3".into() };
    says(Command::new(&python).args(["-c", "import cryptography"]))
        .ok_or_else(|| format!("{} has no package `cryptography`", python.display()))?;
    Ok(vec![python, auditor().join("verify.py")])
}

/// Builds the Go program with the sources that Debian packages, or with those that `go` has in its
/// cache.
fn go() -> Result<Vec<PathBuf>, String> {
    says(Command::new("go").arg("version")).ok_or("there is no `go`")?;
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gate-verify");
    let mut build = Command::new("go");
    build
        .current_dir(auditor().join("go"))
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".");
    if Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").exists() {
        build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode");
    } else {
        let mut list = Command::new("go");
        list.current_dir(auditor().join("go")).env("GOPROXY", "off").args(["list", "-deps", "."]);
        says(&mut list).ok_or(
            "golang.org/x/mod is neither packaged nor in the cache of `go`: `go mod download`",
        )?;
        build.env("GOPROXY", "off");
    }
    let built = build.output().unwrap();
    assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
    Ok(vec![program])
}

fn shell() -> Result<Vec<PathBuf>, String> {
    let version = says(Command::new("openssl").arg("version")).ok_or("there is no `openssl`")?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let major = version
        .strip_prefix("OpenSSL ")
        .and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < 3) {
        return Err(format!("it needs OpenSSL 3, and this is {}", version.trim()));
    }
    says(Command::new("bash").arg("--version")).ok_or("there is no `bash`")?;
    Ok(vec!["bash".into(), auditor().join("verify.sh")])
}

impl Program {
    /// Returns whether it reads the text of the entries, and supports `--since`.
    pub fn reads_json(&self) -> bool {
        self.name != "verify.sh"
    }

    pub fn run(&self, arguments: &[&str]) -> ProgramOutput {
        if self.command.is_empty() {
            let (code, out, err) = match verify(arguments) {
                Ok(()) => (0, "OK: it holds".to_owned(), String::new()),
                Err(refused) => {
                    (1, String::new(), format!("REFUSED: {}", refused.replace('\n', " ")))
                }
            };
            return ProgramOutput { name: self.name, code: Some(code), out, err };
        }
        let output = Command::new(&self.command[0])
            .args(&self.command[1..])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        ProgramOutput {
            name: self.name,
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    pub fn trail(&self, folder: &Path, vkey: &str, more: &[&str]) -> ProgramOutput {
        self.run(&[&[folder.to_str().unwrap(), vkey], more].concat())
    }

    pub fn receipt(&self, text: &str, vkey: &str, more: &[&str]) -> ProgramOutput {
        self.receipt_of(text.as_bytes(), vkey, more)
    }

    pub fn receipt_of(&self, bytes: &[u8], vkey: &str, more: &[&str]) -> ProgramOutput {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        self.run(&[&["--receipt", file.path().to_str().unwrap(), vkey], more].concat())
    }
}

fn verify(arguments: &[&str]) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let key = |vkey: &str| vkey.parse::<VerifierKey>().map_err(|error| text(&error));
    let none = WitnessPolicy::none();
    match arguments {
        ["--receipt", file, vkey, rest @ ..] => {
            let key = key(vkey)?;
            let origin = key.name().to_owned();
            let keys = match rest {
                ["--keys", folder] => read_keys(Path::new(folder).parent().unwrap(), &origin, key),
                _ => LogKeys::new(&origin, key),
            };
            let receipt = Receipt::parse(&fs::read(file).unwrap()).map_err(|error| text(&error))?;
            let keys = keys.map_err(|error| text(&error))?;
            VerifiedReceipt::verify(&receipt, &keys, &none).map_err(|error| text(&error)).map(drop)
        }
        [folder, vkey] => {
            let key = key(vkey)?;
            let origin = key.name().to_owned();
            let keys = read_keys(folder, &origin, key).map_err(|error| text(&error))?;
            let reader = TrailReader::open(*folder, &keys, &none).map_err(|error| text(&error))?;
            let mut auditor = Auditor::new();
            for entry in reader.entries(0) {
                let (index, bytes) = entry.map_err(|error| text(&error))?;
                let entry = reader.read(index, &bytes).map_err(|error| text(&error))?;
                auditor.take(&entry).map_err(|error| format!("entry {index}, {error}"))?;
            }
            Ok(())
        }
        other => panic!("{other:?}"),
    }
}

/// `verify.py`, started once for many runs.
pub struct BatchProcess {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl BatchProcess {
    /// Returns `None` without a Python that has the required packages.
    pub fn start() -> Option<Mutex<BatchProcess>> {
        let program = programs().iter().find(|program| program.name == "verify.py")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/auditors/batch.py");
        let mut command = Command::new(&program.command[0]);
        command.arg(script).arg(&program.command[1]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (ask, answers) =
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Mutex::new(BatchProcess { child, ask, answers }))
    }

    pub fn run(&mut self, arguments: &[&str]) -> ProgramOutput {
        writeln!(self.ask, "{}", serde_json::to_string(arguments).unwrap()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (code, out, err) = serde_json::from_str(&line).unwrap();
        ProgramOutput { name: "verify.py", code, out, err }
    }
}

impl Drop for BatchProcess {
    fn drop(&mut self) {
        // It ends by itself once its input is closed, but a failing test does not wait for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ProgramOutput {
    /// Returns whether the input verifies. Any third answer fails the test.
    pub fn verdict(&self) -> bool {
        let ProgramOutput { name, code, out, err } = self;
        match code {
            Some(0) if out.contains("OK: ") && err.is_empty() => true,
            Some(1) if !out.contains("OK: ") && err.starts_with("REFUSED: ") => false,
            _ => panic!("{name}: {code:?}\n{out}\n{err}"),
        }
    }

    /// Returns the reason of a refusal.
    pub fn reason(&self) -> &str {
        self.err.lines().next().unwrap_or("it holds")
    }

    /// Checks that the input verifies, and returns the output.
    pub fn accepts(self) -> String {
        let ProgramOutput { name, code, out, err } = self;
        assert!(
            code == Some(0) && out.contains("OK: ") && err.is_empty(),
            "{name}: {code:?}\n{out}\n{err}"
        );
        out
    }

    /// Checks that the input is refused, with a reason that contains the location.
    pub fn refuses(&self, place: &str, case: &str) {
        let ProgramOutput { name, code, out, err } = self;
        let is_refused_as_expected =
            *code == Some(1) && !out.contains("OK: ") && err.contains(place);
        assert!(
            is_refused_as_expected
                && err.lines().all(|line| line.starts_with("REFUSED: "))
                && !err.is_empty(),
            "{name}: {case}: no `{place}`: {code:?}\n{out}\n{err}"
        );
    }
}
