//! Diesel with its own SQLite file beside a gate.

#[path = "../../gated.rs"]
mod gated;

use diesel::prelude::*;
use diesel::sql_types::Text;

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    gated::run_a_call(folder.path()).await?;

    let file = folder.path().join("own.db");
    let mut own = SqliteConnection::establish(&file.display().to_string())?;
    let row: Version =
        diesel::sql_query("SELECT sqlite_version() AS version").get_result(&mut own)?;
    println!("diesel: both use SQLite {}", row.version);
    Ok(())
}
