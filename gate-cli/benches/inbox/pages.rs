//! Pages that are open: those that follow what happens as `page.js` does, and those that are dead.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::server::InboxServer;

/// The time for which `page.js` waits before it loads a list once more that changed while it was
/// loaded.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
struct PageTimes {
    /// The page, the time and the number of a record, for each time that a page was told of one.
    delays: Vec<(usize, Instant, u64)>,
    loaded: Vec<Duration>,
    /// When a record was committed.
    probes: Vec<(Instant, u64)>,
}

pub(crate) struct OpenPages {
    tasks: JoinSet<()>,
    seen: Arc<Mutex<PageTimes>>,
}

/// Opens the stream of news.
async fn listen(server: &InboxServer, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let cookie = server.cookie(number);
    let request =
        format!("GET /events HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

impl OpenPages {
    pub(crate) async fn live(server: &InboxServer, count: usize) -> Self {
        let (mut tasks, seen) = (JoinSet::new(), Arc::<Mutex<PageTimes>>::default());
        for number in 0..count {
            let mut browser = server.browser(number).await;
            let mut lines = BufReader::new(listen(server, number).await).lines();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "HTTP/1.1 200 OK");
            let (tell, mut changes) = watch::channel(());
            let (notified, loaded) = (Arc::clone(&seen), Arc::clone(&seen));
            tasks.spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Some(record) = line.strip_prefix("data: ") {
                        notified.lock().unwrap().delays.push((
                            number,
                            Instant::now(),
                            record.parse().unwrap(),
                        ));
                        tell.send_replace(());
                    }
                }
            });
            tasks.spawn(async move {
                while changes.changed().await.is_ok() {
                    loop {
                        let took = browser.look("/").await;
                        loaded.lock().unwrap().loaded.push(took);
                        if !changes.has_changed().unwrap_or(false) {
                            break;
                        }
                        changes.mark_unchanged();
                        let _ = timeout(AGAIN, changes.changed()).await;
                    }
                }
            });
        }
        Self { tasks, seen }
    }

    /// Notes that a record was committed just now.
    pub(crate) fn committed(&self, at: Instant, record: u64) {
        self.seen.lock().unwrap().probes.push((at, record));
    }

    pub(crate) fn forget(&self) {
        *self.seen.lock().unwrap() = PageTimes::default();
    }

    /// Returns the time from each commit until each page was told of it, or of a later one.
    pub(crate) fn delays(&self) -> Vec<Duration> {
        let seen = self.seen.lock().unwrap();
        let mut of_page: HashMap<usize, Vec<(Instant, u64)>> = HashMap::new();
        for (page, at, record) in &seen.delays {
            of_page.entry(*page).or_default().push((*at, *record));
        }
        let first = |notified: &[(Instant, u64)], (at, record): (Instant, u64)| {
            let (found, _) = notified.iter().find(|(_, known)| *known >= record)?;
            Some(found.saturating_duration_since(at))
        };
        seen.probes
            .iter()
            .flat_map(|probe| of_page.values().filter_map(|delays| first(delays, *probe)))
            .collect()
    }

    pub(crate) fn loaded(&self) -> Vec<Duration> {
        self.seen.lock().unwrap().loaded.clone()
    }

    pub(crate) async fn close(mut self) {
        self.tasks.shutdown().await;
        sleep(Duration::from_millis(300)).await;
    }
}

/// Half of them opened the stream, half asked for twenty lists in a row. None reads a byte.
pub(crate) async fn dead(server: &InboxServer, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for number in 0..count {
        if number % 2 == 0 {
            all.push(listen(server, number).await);
            continue;
        }
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let cookie = server.cookie(number);
        let request =
            format!("GET / HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", server.address);
        stream.write_all(request.repeat(20).as_bytes()).await.unwrap();
        all.push(stream);
    }
    // What they asked for is answered, as far as it goes, before anything is counted beside them.
    sleep(Duration::from_secs(1)).await;
    all
}
