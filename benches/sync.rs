//! How long it takes to make batches of small files durable: one `syncfs` per batch, as a pull
//! and an export do it, against `fdatasync` of each file from eight threads, which is the
//! fallback. In turns, first on the file system alone, then while another program writes there:
//! `cargo bench --bench sync [MEGABYTES_PER_SECOND] [DIR]`, by default as fast as it can in the
//! temporary directory.
//!
//! A `syncfs` waits for what others wrote, too. The ratio says whether that is worse than many
//! single calls, which wait for the same journal.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for people who measure"
)]

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 9;
const BATCHES: usize = 8;
const FILES: usize = 1024;
const OCTETS: usize = 2048;
const THREADS: usize = 8;
/// What the other program writes before it begins again at the start of its file.
const NOISE_OCTETS: u64 = 2 << 30;
const PIECE: usize = 1 << 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rate = args.iter().find_map(|arg| arg.parse().ok());
    let dir = args.iter().find(|arg| Path::new(arg).is_dir());
    let dir = dir.map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(dir).unwrap();
    println!("{BATCHES} batches of {FILES} files of {OCTETS} B, {ROUNDS} rounds in turns");
    report("alone", dir.path());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| write_all_the_time(&dir.path().join("noise"), rate, &stop));
        // Until it has filled what the kernel keeps back.
        thread::sleep(Duration::from_secs(5));
        report("with another writer", dir.path());
        stop.store(true, Ordering::Relaxed);
    });
}

fn report(name: &str, dir: &Path) {
    let (mut whole, mut single, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let one = timed(dir, |files| sync_whole(dir, files));
        let each = timed(dir, sync_each);
        whole.push(one);
        single.push(each);
        ratios.push(each / one);
    }
    println!(
        "{name:20} syncfs {:6.2} s ({:.2}-{:.2})   fdatasync {:6.2} s ({:.2}-{:.2})   ratio {:.2} ({:.2}-{:.2})",
        middle(&mut whole),
        whole[0],
        whole[ROUNDS - 1],
        middle(&mut single),
        single[0],
        single[ROUNDS - 1],
        middle(&mut ratios),
        ratios[0],
        ratios[ROUNDS - 1]
    );
}

/// Sorts them.
fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The seconds that some batches take: written, made durable, named, with durable names.
fn timed(dir: &Path, sync: impl Fn(&[PathBuf])) -> f64 {
    let (tmp, cur) = (dir.join("tmp"), dir.join("cur"));
    for sub in [&tmp, &cur] {
        fs::create_dir(sub).unwrap();
        File::open(sub).unwrap().sync_all().unwrap();
    }
    let content = [b'x'; OCTETS];
    let start = Instant::now();
    for batch in 0..BATCHES {
        let name = |n: usize| format!("{batch}.{n}");
        let files: Vec<PathBuf> = (0..FILES).map(|n| tmp.join(name(n))).collect();
        for file in &files {
            fs::write(file, content).unwrap();
        }
        sync(&files);
        for (n, file) in files.iter().enumerate() {
            fs::rename(file, cur.join(name(n))).unwrap();
        }
        File::open(&cur).unwrap().sync_all().unwrap();
    }
    let taken = start.elapsed().as_secs_f64();
    for sub in [tmp, cur] {
        fs::remove_dir_all(sub).unwrap();
    }
    taken
}

fn sync_whole(dir: &Path, _files: &[PathBuf]) {
    rustix::fs::syncfs(File::open(dir).unwrap()).unwrap();
}

fn sync_each(files: &[PathBuf]) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    File::open(file).unwrap().sync_data().unwrap();
                }
            });
        }
    });
}

/// Writes without a sync, `rate` MB/s or as fast as the kernel takes it.
fn write_all_the_time(path: &Path, rate: Option<u32>, stop: &AtomicBool) {
    let piece = vec![b'n'; PIECE];
    let pause = rate.map(|rate| Duration::from_secs(1) / rate.max(1));
    let mut file = File::create(path).unwrap();
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if file.stream_position().unwrap() >= NOISE_OCTETS {
            file.seek(SeekFrom::Start(0)).unwrap();
        }
        file.write_all(&piece).unwrap();
        if let Some(pause) = pause {
            next += pause;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}
