//! The oldest rusqlite that `gate-sqlite` supports, with its own file beside a gate.

#[path = "../../gated.rs"]
mod gated;

use rusqlite::Connection;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    gated::run_a_call(folder.path()).await?;

    let own = Connection::open(folder.path().join("own.db"))?;
    let version: String = own.query_row("SELECT sqlite_version()", [], |row| row.get(0))?;
    println!("rusqlite: both use SQLite {version}");
    Ok(())
}
