//! sqlx with its own SQLite file, and a pool for PostgreSQL, beside a gate.

#[path = "../../gated.rs"]
mod gated;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    gated::run_a_call(folder.path()).await?;

    let file =
        SqliteConnectOptions::new().filename(folder.path().join("own.db")).create_if_missing(true);
    let own = SqlitePool::connect_with(file).await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&own).await?;
    // Connects with the first query, and there is no server here.
    let _ = PgPoolOptions::new().connect_lazy("postgres://localhost/none")?;
    println!("sqlx: both use SQLite {version}");
    Ok(())
}
