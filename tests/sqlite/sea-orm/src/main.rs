//! SeaORM with its own SQLite file, and its backend for PostgreSQL, beside a gate.

#[path = "../../gated.rs"]
mod gated;

use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    gated::run_a_call(folder.path()).await?;

    let file = folder.path().join("own.db");
    let own = Database::connect(format!("sqlite://{}?mode=rwc", file.display())).await?;
    let query = Statement::from_string(DbBackend::Sqlite, "SELECT sqlite_version()");
    let row = own.query_one_raw(query).await?.ok_or("no row")?;
    println!("sea-orm: both use SQLite {}", row.try_get_by_index::<String>(0)?);
    Ok(())
}
