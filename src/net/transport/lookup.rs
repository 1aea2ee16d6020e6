//! Questions to the domain name system that the system's resolver does not answer: which
//! services a domain offers (RFC 2782) and who takes its mail.
//!
//! Answers are not proven by anything, so what they say is only ever a proposal.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Name servers that are asked, as the system's resolver does it.
const SERVERS: usize = 3;
/// Longest answer over UDP that is read.
const LONGEST: usize = 4096;
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A service of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsService {
    /// The host.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

/// Asks name servers.
#[derive(Debug, Clone)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
}

impl Resolver {
    /// The name servers that this system uses.
    #[must_use]
    pub fn of_system() -> Self {
        let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
        Self::at(name_servers(&text))
    }

    /// These name servers.
    #[must_use]
    pub(crate) fn at(servers: Vec<SocketAddr>) -> Self {
        Self { servers }
    }

    /// The service's hosts, the preferred first; `None` if nobody answered, an empty list if
    /// there is none or the domain says that it does not offer it.
    #[must_use]
    pub(crate) fn services(&self, name: &str) -> Option<Vec<DnsService>> {
        let mut found = self.ask(name, TYPE::SRV, |data| match data {
            RData::SRV(srv) => {
                let rank = (srv.priority, u16::MAX - srv.weight);
                Some((rank, srv.target.to_string(), srv.port))
            }
            _ => None,
        })?;
        found.sort();
        let services = found.into_iter().filter(|(_, host, _)| is_host_name(host));
        Some(
            services
                .map(|(_, host, port)| DnsService { host, port })
                .collect(),
        )
    }

    /// The hosts that take a domain's mail, the preferred first; `None` if nobody answered.
    #[must_use]
    pub(crate) fn exchangers(&self, domain: &str) -> Option<Vec<String>> {
        let mut found = self.ask(domain, TYPE::MX, |data| match data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_string())),
            _ => None,
        })?;
        found.sort();
        let hosts = found.into_iter().map(|(_, host)| host);
        Some(hosts.filter(|host| is_host_name(host)).collect())
    }

    fn ask<T>(
        &self,
        name: &str,
        kind: TYPE,
        take: impl Fn(&RData<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut id = [0; 2];
        getrandom::fill(&mut id).ok()?;
        let question = question(u16::from_be_bytes(id), name, kind)?;
        let mut servers = self.servers.iter().take(SERVERS);
        servers.find_map(|server| {
            let answer = exchange(*server, &question).ok()?;
            take_answer(&answer, &question, name, &take)
        })
    }
}

fn question(id: u16, name: &str, kind: TYPE) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let class = QCLASS::CLASS(CLASS::IN);
    let question = Question::new(Name::new(name).ok()?, QTYPE::TYPE(kind), class, false);
    packet.questions.push(question);
    packet.build_bytes_vec().ok()
}

/// Sends a question and waits for an answer from there with its number.
fn exchange(server: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    // From then on the system drops what comes from elsewhere.
    socket.connect(server)?;
    socket.send(question)?;
    let mut answer = vec![0; LONGEST];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

/// What an answer to this question says; `None` if it is not one.
fn take_answer<T>(
    answer: &[u8],
    question: &[u8],
    name: &str,
    take: impl Fn(&RData<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    if answer.get(..2)? != question.get(..2)? {
        return None;
    }
    let packet = Packet::parse(answer).ok()?;
    let asked = packet.questions.first()?;
    // No such name is an answer; a failing server is not.
    let answered = matches!(packet.rcode(), RCODE::NoError | RCODE::NameError);
    if !answered
        || !packet.has_flags(PacketFlag::RESPONSE)
        || !asked.qname.to_string().eq_ignore_ascii_case(name)
    {
        return None;
    }
    let found = packet.answers.iter();
    Some(found.filter_map(|record| take(&record.rdata)).collect())
}

/// What may be a host; `.` says that there is none.
fn is_host_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (1..=253).contains(&text.len()) && text.chars().all(fits) && text != "."
}

/// The addresses that `resolv.conf` names (its manual page, section 5).
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        let address: IpAddr = address.parse().ok()?;
        Some(SocketAddr::new(address, 53))
    });
    lines.collect()
}

/// Takes any bytes as the answer to a question, and as what follows the head of one.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any_lookup(answer: &[u8]) {
    let name = "example.org";
    for kind in [TYPE::MX, TYPE::SRV] {
        let asked = question(7, name, kind);
        let asked = asked.expect("an ordinary name can be asked for");
        for answer in [answer, &[&asked, answer].concat()] {
            let _ = take_answer(answer, &asked, name, |data| Some(format!("{data:?}")));
        }
    }
    let _ = name_servers(&String::from_utf8_lossy(answer));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{MX, SRV};

    /// Answers one question with these records, after one with another number.
    fn served(records: Vec<RData<'static>>) -> Resolver {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut question = [0; 512];
            let (length, asker) = socket.recv_from(&mut question).unwrap();
            let mut reply = Packet::parse(&question[..length]).unwrap().into_reply();
            let name = reply.questions[0].qname.clone();
            for data in records {
                let record = ResourceRecord::new(name.clone(), CLASS::IN, 60, data);
                reply.answers.push(record);
            }
            let answer = reply.build_bytes_vec_compressed().unwrap();
            socket.send_to(&answer, asker).unwrap();
        });
        Resolver::at(vec![address])
    }

    fn srv(priority: u16, weight: u16, port: u16, host: &'static str) -> RData<'static> {
        RData::SRV(SRV {
            priority,
            weight,
            port,
            target: Name::new_unchecked(host),
        })
    }

    #[test]
    fn services_come_by_priority_and_weight() {
        let resolver = served(vec![
            srv(20, 0, 995, "late.example.org"),
            srv(10, 1, 995, "light.example.org"),
            srv(10, 9, 1995, "heavy.example.org"),
        ]);
        let found = resolver.services("_pop3s._tcp.example.org").unwrap();
        let hosts: Vec<_> = found.iter().map(|s| (s.host.as_str(), s.port)).collect();
        assert_eq!(
            hosts,
            [
                ("heavy.example.org", 1995),
                ("light.example.org", 995),
                ("late.example.org", 995)
            ]
        );
    }

    #[test]
    fn a_dot_says_that_there_is_none() {
        let resolver = served(vec![srv(0, 0, 0, "")]);
        let found = resolver.services("_pop3s._tcp.example.org");
        assert_eq!(found, Some(Vec::new()));
    }

    #[test]
    fn exchangers_come_by_preference() {
        let mx = |preference, host| {
            RData::MX(MX {
                preference,
                exchange: Name::new_unchecked(host),
            })
        };
        let resolver = served(vec![mx(20, "b.example.org"), mx(10, "a.example.org")]);
        let found = resolver.exchangers("example.org").unwrap();
        assert_eq!(found, ["a.example.org", "b.example.org"]);
    }

    #[test]
    fn nobody_to_ask_is_no_answer() {
        assert_eq!(Resolver::at(Vec::new()).exchangers("example.org"), None);
        let closed = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert_eq!(
            Resolver::at(vec![closed]).services("_pop3s._tcp.example.org"),
            None
        );
        assert_eq!(
            Resolver::at(vec![closed]).exchangers(&"x".repeat(300)),
            None
        );
    }

    #[test]
    fn name_servers_are_read_and_what_else_is_there_passed_over() {
        let text = "# a\nsearch x\nnameserver 10.0.0.1\nnameserver ::1\nnameserver fe80::1%e\n";
        let found = name_servers(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], "10.0.0.1:53".parse().unwrap());
    }

    proptest! {
        #[test]
        fn no_answer_breaks_it(answer in prop::collection::vec(any::<u8>(), 0..120)) {
            assert_any_lookup(&answer);
        }
    }
}
