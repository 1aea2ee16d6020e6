//! Invented mail, made from a seed and always the same.

/// A message of the sample maildrop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its unique id, as UIDL shows it.
    pub uidl: String,
    /// Its bytes, before dot-stuffing.
    pub bytes: Vec<u8>,
}

impl Message {
    /// Bytes as RETR sends them, less dot-stuffing: the last line is always ended.
    #[must_use]
    pub fn octets(&self) -> usize {
        let ended = self.bytes.is_empty() || self.bytes.ends_with(b"\r\n");
        self.bytes.len() + if ended { 0 } else { 2 }
    }
}

/// Invented mail, in the order of its arrival from 2018 to the end of 2025.
#[derive(Debug, Clone, Copy)]
pub struct Sample;

impl Sample {
    /// Two hundred messages, among them one of each kind that mail programs stumble
    /// over.
    #[must_use]
    pub fn messages() -> Vec<Message> {
        const COUNT: usize = 200;
        let mut messages = Self::of(COUNT, 1);
        let mut dice = Dice::new(2);
        let mut put = |index: usize, change: &dyn Fn(&mut Letter)| {
            let mut letter = Letter::new(index, COUNT, &mut dice);
            change(&mut letter);
            messages[index].bytes = letter.text(0).into_bytes();
            letter
        };
        put(17, &|letter| letter.id.clear());
        put(33, &|letter| BROKEN.clone_into(&mut letter.content));
        let accents = put(48, &|letter| {
            "Einladung f\u{fc}r Samstag, caf\u{e9} inbegriffen".clone_into(&mut letter.subject);
            LATIN_1.clone_into(&mut letter.content);
        });
        put(61, &|letter| {
            "The configuration with the dots".clone_into(&mut letter.subject);
            DOTS.clone_into(&mut letter.content);
        });
        let posted = put(90, &|letter| {
            "[garden] Seeds to swap".clone_into(&mut letter.subject);
        });
        put(105, &|letter| {
            let end = letter.content.trim_end().len();
            letter.content.truncate(end);
        });
        put(118, &|letter| letter.content.clear());
        for (index, name, subject, file, size) in [
            (
                150,
                "Photo Lab",
                "Your photographs",
                "photographs.zip",
                3_700_000,
            ),
            (
                179,
                "Example Rail",
                "Boarding pass and receipt",
                "receipt.pdf",
                15_000,
            ),
            (
                189,
                "Example Air",
                "Your boarding pass LIS-BER",
                "boarding-pass.pdf",
                137_000,
            ),
        ] {
            let mut dice = Dice::new(size as u64);
            let content = attachment("Please find it attached.\r\n", file, size, &mut dice);
            put(index, &|letter| {
                letter.sender = name;
                subject.clone_into(&mut letter.subject);
                letter.content.clone_from(&content);
            });
        }
        messages[48].bytes = latin_1(&accents.text(0));
        let twice = messages[76].bytes.clone();
        messages[77].bytes = twice;
        messages[92].bytes = posted.text(1).into_bytes();
        messages
    }

    /// As many ordinary messages as wanted, about 3 kB each; the same for the same
    /// numbers.
    #[must_use]
    pub fn of(count: usize, seed: u64) -> Vec<Message> {
        let mut dice = Dice::new(seed);
        (0..count)
            .map(|index| Message {
                uidl: format!("{:016x}{index:08x}", dice.roll()),
                bytes: Letter::new(index, count, &mut dice).text(0).into_bytes(),
            })
            .collect()
    }
}

/// Xorshift: the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        // The state must not be zero, which would stay zero.
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03;
        Self(if state == 0 { 1 } else { state })
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        // The upper bits are the better ones; 32 of them fit into every usize.
        (self.roll() >> 32) as usize % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A message before it is written out.
struct Letter {
    date: String,
    sender: &'static str,
    subject: String,
    /// The Message-ID field with its line ending, or nothing.
    id: String,
    /// Which server and which delivery, as the trace shows them.
    queue: u64,
    /// The fields that describe the body, the empty line and the body.
    content: String,
}

impl Letter {
    fn new(index: usize, count: usize, dice: &mut Dice) -> Self {
        let queue = dice.roll();
        let sender = dice.pick(&SENDERS);
        let mut subject = dice.pick(&SUBJECTS).to_owned();
        if dice.below(4) == 0 {
            subject.insert_str(0, "Re: ");
        }
        let mut body = String::new();
        for _ in 0..3 + dice.below(20) {
            body.push_str(dice.pick(&SENTENCES));
            body.push_str(if dice.below(5) == 0 {
                "\r\n\r\n"
            } else {
                "\r\n"
            });
        }
        let content = match dice.below(20) {
            0 => {
                let size = 2_000 + dice.below(38_000);
                attachment(&body, "notes.pdf", size, dice)
            }
            1..6 => alternative(&body),
            _ => format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{body}"),
        };
        Self {
            date: date(index, count),
            sender,
            subject,
            id: format!("Message-ID: <{queue:016x}.{index}@example.com>\r\n"),
            queue,
            content,
        }
    }

    /// The whole message as it arrives by one of several ways, which differ in nothing
    /// but their trace.
    fn text(&self, way: u64) -> String {
        let Self {
            date,
            sender,
            subject,
            id,
            queue,
            content,
        } = self;
        let address = sender.to_ascii_lowercase().replace(' ', ".");
        let hop = queue.wrapping_add(way);
        format!(
            "Return-Path: <{address}@example.com>\r\n\
             Received: from mx{way}.example.net (mx{way}.example.net [192.0.2.{}])\r\n\
             \tby pop.example.org with ESMTPS id {hop:016x}\r\n\
             \tfor <demo@example.org>; {date}\r\n\
             Date: {date}\r\n\
             From: {sender} <{address}@example.com>\r\n\
             To: Demo <demo@example.org>\r\n\
             Subject: {subject}\r\n\
             {id}MIME-Version: 1.0\r\n\
             {content}",
            hop % 250 + 1,
        )
    }
}

const SENDERS: [&str; 14] = [
    "Ann",
    "Chess Club",
    "Choir Office",
    "Example Air",
    "Example Bank",
    "Example Rail",
    "Garden Club",
    "Neighbours",
    "Parcel Service",
    "Photo Lab",
    "Power Company",
    "School Office",
    "Tax Office",
    "Town Library",
];

const SUBJECTS: [&str; 20] = [
    "Invoice for last month",
    "Your parcel is on its way",
    "Minutes of the meeting",
    "A book is waiting for you",
    "Dinner on Friday?",
    "Statement of your account",
    "Timetable from next week on",
    "Meter reading",
    "Change of address",
    "=?utf-8?Q?Gr=C3=BC=C3=9Fe_vom_See?=",
    "Tickets for the concert",
    "Rehearsal moved to Tuesday",
    "Reminder: your appointment",
    "Photographs of the summer party",
    "Your order has been received",
    "Newsletter",
    "=?utf-8?B?w4AgYmllbnTDtHQ=?=",
    "Lost and found",
    "Thank you for your visit",
    "Receipt",
];

const SENTENCES: [&str; 20] = [
    "Thank you for your message of last week.",
    "The rehearsal begins at seven, please be there a little earlier.",
    "Your parcel has left our warehouse and should arrive within three days.",
    "The amount will be debited from your account on the first of the month.",
    "Could you bring the folding chairs again?",
    "Please return the book by the end of the month or renew the loan.",
    "The train leaves from platform nine instead of platform four.",
    "We have attached everything that you need for the journey.",
    "If the date does not suit you, simply answer this message.",
    "The tomatoes are doing well, the beans less so.",
    "There will be coffee and cake afterwards.",
    "The reading of your meter is due; a photograph of it is enough.",
    "We look forward to seeing you.",
    "Nothing has changed since then, so we leave it as it is.",
    "The minutes were accepted with two corrections.",
    "Somebody left a blue umbrella and a pair of gloves.",
    "This message was sent automatically.",
    "Kind regards",
    "See you on Friday!",
    "The total comes to 42.50 and includes delivery.",
];

/// The part that is announced is never closed.
const BROKEN: &str = "Content-Type: multipart/mixed; boundary=\"open\"\r\n\
    \r\n\
    --open\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    \r\n\
    This is the first part, and the last one that arrived.\r\n\
    --open\r\n\
    Content-Type: application/pdf; name=\"cut.pdf\"\r\n\
    Content-Transfer-Encoding: base64\r\n\
    \r\n\
    JVBERi0xLjQKJeLjz9MKMSAwIG9iago8PC9UeXBlL0NhdG\r\n";

const DOTS: &str = "Content-Type: text/plain; charset=us-ascii\r\n\
    \r\n\
    .\r\n\
    ..\r\n\
    .profile is a file\r\n\
    ...and so on\r\n\
    \r\n\
    .\r\n";

const LATIN_1: &str = "Content-Type: text/plain; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: 8bit\r\n\
    \r\n\
    Bitte sagt bis Freitag, ob ihr kommt. Gr\u{fc}\u{df}e!\r\n";

/// The text as ISO 8859-1, raw in header and body.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?'))
        .collect()
}

fn alternative(body: &str) -> String {
    let html = body.trim_end().replace("\r\n", "<br>\r\n");
    format!(
        "Content-Type: multipart/alternative; boundary=\"either\"\r\n\r\n\
         --either\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n\
         --either\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <html><body><p>{html}</p></body></html>\r\n--either--\r\n"
    )
}

/// A text with a file of `size` random bytes.
fn attachment(body: &str, file: &str, size: usize, dice: &mut Dice) -> String {
    let mut text = format!(
        "Content-Type: multipart/mixed; boundary=\"both\"\r\n\r\n\
         --both\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n\
         --both\r\nContent-Type: application/octet-stream; name=\"{file}\"\r\n\
         Content-Disposition: attachment; filename=\"{file}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    let mut data = Vec::with_capacity(size + 8);
    while data.len() < size {
        data.extend(dice.roll().to_le_bytes());
    }
    data.truncate(size);
    for line in data.chunks(57) {
        push_base64(&mut text, line);
        text.push_str("\r\n");
    }
    text.push_str("--both--\r\n");
    text
}

pub(super) fn push_base64(text: &mut String, data: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in data.chunks(3) {
        let byte = |at: usize| usize::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= group.len() {
                text.push(char::from(DIGITS[bits >> (18 - 6 * digit) & 63]));
            } else {
                text.push('=');
            }
        }
    }
}

/// The date of a message when `count` of them are spread over eight years. Each month
/// has 28 days here, which spares us the calendar.
fn date(index: usize, count: usize) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const SPAN: u64 = 8 * 12 * 28 * 86_400;
    let second = (index as u64 + 1) * SPAN / count as u64 - 1;
    let (day, second) = (second / 86_400, second % 86_400);
    let (month, day) = ((day / 28) as usize, day % 28 + 1);
    let (year, month) = (2018 + month as u64 / 12, month % 12);
    // Sakamoto's rule: January and February count to the year before.
    let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][month];
    let counted = if month < 2 { year - 1 } else { year };
    let weekday = (counted + counted / 4 - counted / 100 + counted / 400 + shift + day) % 7;
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        DAYS[weekday as usize],
        MONTHS[month],
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    fn header<'a>(message: &'a Message, name: &str) -> Option<&'a [u8]> {
        let mut lines = message.bytes.split(|byte| *byte == b'\n');
        lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_suffix(b"\r"))
    }

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    #[test]
    fn the_sample_is_the_same_on_every_machine() {
        let mut hash = blake3::Hasher::new();
        for message in Sample::messages() {
            hash.update(message.uidl.as_bytes()).update(&message.bytes);
        }
        assert_eq!(
            hash.finalize().to_hex().as_str(),
            "ec1887bb1826b64202f432c1b81ced559fd9ff249438aa510fdd8a487c78a6b5"
        );
    }

    #[test]
    fn a_seed_and_a_number_name_a_volume() {
        assert_eq!(Sample::of(50, 7), Sample::of(50, 7));
        assert_ne!(Sample::of(50, 7), Sample::of(50, 8));
        assert!(Sample::of(0, 7).is_empty());
        let uidls: HashSet<_> = Sample::of(3000, 0).into_iter().map(|m| m.uidl).collect();
        assert_eq!(uidls.len(), 3000);
    }

    #[test]
    fn dates_run_through_eight_years_to_a_fixed_end() {
        assert_eq!(date(199, 200), "Sun, 28 Dec 2025 23:59:59 +0000");
        assert_eq!(date(0, 8 * 12 * 28), "Mon, 01 Jan 2018 23:59:59 +0000");
        assert_eq!(
            date(2 * 12 * 28 + 28 + 27, 8 * 12 * 28),
            "Fri, 28 Feb 2020 23:59:59 +0000"
        );
    }

    #[test]
    fn each_kind_of_trouble_is_there_once() {
        let messages = Sample::messages();
        assert_eq!(messages.len(), 200);
        let count = |test: &dyn Fn(&Message) -> bool| messages.iter().filter(|m| test(m)).count();
        assert_eq!(count(&|m| header(m, "Message-ID: ").is_none()), 1);
        assert_eq!(count(&|m| !m.bytes.ends_with(b"\r\n")), 1);
        assert_eq!(count(&|m| !contains(&m.bytes, "\r\n\r\n")), 1);
        assert_eq!(count(&|m| contains(&m.bytes, "\r\n.")), 1);
        assert_eq!(
            count(&|m| contains(&m.bytes, "--open") && !contains(&m.bytes, "--open--")),
            1
        );
        assert_eq!(
            count(&|m| header(m, "Subject: ").unwrap().contains(&0xfc)),
            1
        );
        assert_eq!(count(&|m| m.bytes.len() > 5_000_000), 1);
        assert_eq!(
            count(&|m| header(m, "Subject: ") == Some(b"Your boarding pass LIS-BER")),
            1
        );
        assert_eq!(count(&|m| std::str::from_utf8(&m.bytes).is_err()), 1);
    }

    #[test]
    fn one_message_came_twice_and_one_came_by_two_ways() {
        let messages = Sample::messages();
        let bytes: HashSet<_> = messages.iter().map(|message| &message.bytes).collect();
        let ids: HashSet<_> = messages.iter().map(|m| header(m, "Message-ID: ")).collect();
        assert_eq!(bytes.len(), 199);
        assert_eq!(ids.len(), 198);
        let [one, other] = [&messages[90], &messages[92]];
        assert_ne!(one.bytes, other.bytes);
        let rest = |m: &Message| m.bytes.windows(7).position(|w| w == b"\r\nDate:").unwrap();
        assert_eq!(one.bytes[rest(one)..], other.bytes[rest(other)..]);
    }

    #[test]
    fn base64_is_padded() {
        for (data, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut text = String::new();
            push_base64(&mut text, data.as_bytes());
            assert_eq!(text, expected);
        }
    }
}
