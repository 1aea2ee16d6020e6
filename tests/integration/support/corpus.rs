//! Awkward mail for the tests against a real server: the same messages every time.

/// How many messages there are.
pub(crate) const COUNT: usize = 2_000;

/// The messages, in the order in which they are to be delivered.
pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let mut random = Random(0x6d61_696c_7661_756c);
    let mut messages = vec![huge_line(), attachment(20_000_000, &mut random)];
    while messages.len() < COUNT {
        let n = messages.len();
        let plain = plausible(n, &mut random);
        messages.push(match n % 40 {
            0 => messages[n - 1 - random.below(30)].clone(),
            1 => other_body(&messages[n - 2]),
            2 => [plain, b"nul \0 and \0\0 in the body\r\n".to_vec()].concat(),
            3 => [plain, b"a bare \r carriage return\r\r\n".to_vec()].concat(),
            4 => plain.into_iter().filter(|b| *b != b'\r').collect(),
            5 => [plain, b"one bare LF\nand CR LF\r\n\n\r\n".to_vec()].concat(),
            6 => [b"X-Raw: caf\xe9 \xff\xfe \x80\r\n".to_vec(), plain].concat(),
            7 => [plain, b".\r\n..\r\n.leading\r\n\r\n.\r\n".to_vec()].concat(),
            8 => [plain, b"no newline at the end".to_vec()].concat(),
            9 => header_of(&plain),
            10 => [header_of(&plain), b"\r\n".to_vec()].concat(),
            11 => [plain, b"\r\n\r\n\r\n".to_vec()].concat(),
            12 => [
                b"Status: RO\r\nX-UID: 7\r\nX-Keywords: a\r\n".to_vec(),
                plain,
            ]
            .concat(),
            13 => [b"From ann@example.org Mon Jan  1\r\n".to_vec(), plain].concat(),
            14 => without_field(&plain, "Message-ID:"),
            15 => [b"Message-ID: <second@example.org>\r\n".to_vec(), plain].concat(),
            16 => [plain, b">From here\r\nFrom there\r\n".to_vec()].concat(),
            17 => [plain, (0..=255).collect()].concat(),
            _ => plain,
        });
    }
    messages
}

/// A small mail like many.
fn plausible(n: usize, random: &mut Random) -> Vec<u8> {
    let people = ["ann", "bob", "carol", "dave", "erin"];
    let (from, to) = (people[random.below(5)], people[random.below(5)]);
    let day = random.below(28) + 1;
    let month = ["Jan", "Mar", "May", "Jul", "Sep", "Nov"][random.below(6)];
    let year = 2001 + random.below(25);
    let mut mail = format!(
        "Received: from mx.example.net by mail.example.org; {day} {month} {year} 10:{:02}:00 +0000\r\n\
         From: {from}@example.org\r\nTo: {to}@example.com\r\nSubject: {}\r\n\
         Date: {day} {month} {year} 09:58:00 +0000\r\nMessage-ID: <{n}.{year}@example.org>\r\n\r\n",
        random.below(60),
        random.words(4),
    );
    for _ in 0..=random.below(40) {
        mail.push_str(&random.words(9));
        mail.push_str("\r\n");
    }
    mail.into_bytes()
}

/// The Message-ID and header of another message over a body of its own.
fn other_body(message: &[u8]) -> Vec<u8> {
    [
        header_of(message),
        b"\r\nNot what the other one says.\r\n".to_vec(),
    ]
    .concat()
}

/// The header's lines, without the empty line.
fn header_of(message: &[u8]) -> Vec<u8> {
    let end = message
        .windows(3)
        .position(|w| w == b"\n\r\n" || w.starts_with(b"\n\n"));
    message[..end.map_or(message.len(), |at| at + 1)].to_vec()
}

fn without_field(message: &[u8], name: &str) -> Vec<u8> {
    let lines = message.split_inclusive(|b| *b == b'\n');
    lines
        .filter(|line| !line.starts_with(name.as_bytes()))
        .collect::<Vec<_>>()
        .concat()
}

fn huge_line() -> Vec<u8> {
    let mut mail = b"Subject: one line\r\nMessage-ID: <line@example.org>\r\n\r\n".to_vec();
    mail.resize(mail.len() + (1 << 20), b'x');
    mail.extend_from_slice(b"\r\n");
    mail
}

/// A mail with so many bytes of base64 that hardly compresses.
fn attachment(size: usize, random: &mut Random) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut mail =
        b"From: ann@example.org\r\nSubject: pictures\r\nMessage-ID: <big@example.org>\r\n\
        Content-Type: application/octet-stream; name=\"pictures.bin\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
            .to_vec();
    while mail.len() < size {
        // Ten digits of 6 bits from each number.
        for _ in 0..7 {
            let bits = random.next();
            mail.extend((0..10).map(|n| digits[(bits >> (6 * n)).to_le_bytes()[0] as usize & 63]));
        }
        mail.extend_from_slice(b"\r\n");
    }
    mail
}

/// A small generator with a fixed seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn words(&mut self, count: usize) -> String {
        const WORDS: &[&str] = &[
            "report", "meeting", "garden", "about", "the", "new", "train", "and", "a", "photo",
            "from", "lisbon", "plan", "of", "week", "invoice", "thanks", "later", "see", "you",
        ];
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect();
        words.join(" ")
    }
}

#[test]
fn the_corpus_is_the_same_every_time() {
    let (one, two) = (corpus(), corpus());
    assert_eq!(one.len(), COUNT);
    assert!(one == two);
    let copies = one.len() - one.iter().collect::<std::collections::HashSet<_>>().len();
    assert!((20..=60).contains(&copies), "{copies} messages are copies");
    assert!(one.iter().any(|m| m.contains(&0)) && one.iter().all(|m| !m.is_empty()));
}
