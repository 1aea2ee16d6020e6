//! What inetd does: for each connection a process that has it as input and output.
//! And processes that end with all that they started.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// A listener that starts a program for each connection. The listener stays until the
/// tests end; its programs end when it is dropped.
pub(crate) struct Inetd {
    address: SocketAddr,
    processes: Arc<Mutex<Vec<Process>>>,
}

impl Inetd {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(mut program: Command) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let processes = Arc::new(Mutex::new(Vec::<Process>::new()));
        let running = Arc::clone(&processes);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let handle = |stream: TcpStream| Stdio::from(OwnedFd::from(stream));
                let client = client.unwrap();
                program.stdin(handle(client.try_clone().unwrap()));
                program.stdout(handle(client));
                let process = Process::start(&mut program);
                // The program must be the only one to hold the connection.
                program.stdin(Stdio::null()).stdout(Stdio::null());
                let mut running = running.lock().unwrap();
                running.retain_mut(Process::is_running);
                running.push(process);
            }
        });
        Self { address, processes }
    }

    /// Where to connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Inetd {
    fn drop(&mut self) {
        self.processes.lock().unwrap().clear();
    }
}

/// A process and all that it starts, ended as a group when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it without a word to the terminal.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.process_group(0).stderr(Stdio::null());
        Self(
            command
                .spawn()
                .unwrap_or_else(|e| panic!("{command:?}: {e}")),
        )
    }

    /// True until it ends.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        let _ = kill_process_group(group, Signal::TERM);
        for _ in 0..300 {
            if !self.is_running() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
    }
}
