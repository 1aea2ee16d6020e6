use std::io::Write;

use age::armor::{ArmoredWriter, Format};
use age::secrecy::SecretString;

use super::*;
use crate::base::secret::Secret;

/// An identity file that a passphrase protects.
fn locked(text: &str, passphrase: &str, format: Format, work: u8) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(work);
    let recipients = [&recipient as &dyn age::Recipient].into_iter();
    let encryptor = age::Encryptor::with_recipients(recipients).unwrap();
    let armor = ArmoredWriter::wrap_output(Vec::new(), format).unwrap();
    let mut writer = encryptor.wrap_output(armor).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap().finish().unwrap()
}

fn texts(recipients: &Recipients) -> Vec<String> {
    recipients.texts().collect()
}

/// A key with a typing error.
const OTHER: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJQGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

fn new_key() -> (String, Identities) {
    use age::secrecy::ExposeSecret as _;
    let key = age::x25519::Identity::generate().to_string();
    let text = key.expose_secret().to_owned();
    let keys = Identities::parse(text.as_bytes()).unwrap();
    (text, keys)
}

#[test]
fn each_of_several_recipients_can_read_and_no_other() {
    let keys: Vec<Identities> = (0..3).map(|_| new_key().1).collect();
    let all: Vec<String> = keys
        .iter()
        .flat_map(|key| texts(&key.recipients()))
        .collect();
    let contents = contents(&[10, 5000]);
    let (pack, written) = pack_for(&Recipients::parse(&all).unwrap(), &contents);
    for key in &keys {
        assert_eq!(
            read_all(&pack, key, Some(&written.index)).unwrap().0,
            contents
        );
        assert_eq!(
            read_one(&pack, key, &written.index, "01/a.part"),
            contents[1].1
        );
    }
    let stranger = identities();
    let refused = read_all(&pack, &stranger, None).unwrap_err();
    assert!(matches!(refused, PackError::WrongIdentity));
    let frames = written.index.frames();
    let refused = PackReader::open(ranges_of(&pack), pack.len() as u64, &stranger, frames).err();
    assert!(matches!(refused, Some(PackError::WrongIdentity)));
}

#[test]
fn many_recipients_have_a_longer_header() {
    let all: Vec<String> = (0..100)
        .flat_map(|_| texts(&new_key().1.recipients()))
        .collect();
    let (last_text, last) = new_key();
    let all: Vec<String> = all.into_iter().chain(texts(&last.recipients())).collect();
    let contents = contents(&[10]);
    let (pack, written) = pack_for(&Recipients::parse(&all).unwrap(), &contents);
    assert!(last_text.starts_with("AGE-SECRET-KEY-1"));
    assert_eq!(read_all(&pack, &last, None).unwrap().0, contents);
    assert_eq!(
        read_one(&pack, &last, &written.index, "00/a.part"),
        contents[0].1
    );
}

#[test]
fn an_identity_file_may_have_comments_and_several_keys() {
    let (text, _) = new_key();
    let file = format!(
        "# created: today\r\n\n  # public key: age1x\n{text}\r\n{}\n",
        fuzzing::KEY
    );
    let keys = Identities::parse(file.as_bytes()).unwrap();
    assert_eq!(texts(&keys.recipients()).len(), 2);
    assert!(!format!("{keys:?}").contains("SECRET"));
}

#[test]
fn what_is_no_identity_is_named_by_its_line() {
    let public = texts(&identities().recipients()).remove(0);
    let line = |text: &str| Identities::parse(format!("# a\n{text}\n").as_bytes()).unwrap_err();
    let fault = |fault| IdentityFileError::Line { line: 2, fault };
    assert_eq!(line(&public), fault(IdentityFault::PublicKey));
    assert_eq!(
        line("AGE-PLUGIN-YUBIKEY-1QQQQQ"),
        fault(IdentityFault::OtherKind)
    );
    assert_eq!(
        line("-----BEGIN OPENSSH PRIVATE KEY-----"),
        fault(IdentityFault::Ssh)
    );
    assert_eq!(line(OTHER), fault(IdentityFault::Malformed));
    assert_eq!(line("what\u{e9}ver"), fault(IdentityFault::Malformed));
    assert_eq!(
        Identities::parse(b"").unwrap_err(),
        IdentityFileError::Empty
    );
    assert_eq!(
        Identities::parse(b"# none\n").unwrap_err(),
        IdentityFileError::Empty
    );
    let long = vec![b'#'; 2 << 20];
    assert_eq!(
        Identities::parse(&long).unwrap_err(),
        IdentityFileError::TooLong
    );
}

#[test]
fn a_passphrase_opens_an_identity_file_in_both_forms() {
    let file = format!("# a\n{}\n", fuzzing::KEY);
    let right = Secret::new("correct horse".into());
    let expected = texts(&identities().recipients());
    for format in [Format::Binary, Format::AsciiArmor] {
        let locked = locked(&file, "correct horse", format, 4);
        assert!(Identities::is_locked(&locked));
        assert_eq!(
            Identities::parse(&locked).unwrap_err(),
            IdentityFileError::Locked
        );
        let keys = Identities::unlock(&locked, &right).unwrap();
        assert_eq!(texts(&keys.recipients()), expected);
        let wrong = Identities::unlock(&locked, &Secret::new("wrong".into())).unwrap_err();
        assert_eq!(wrong, IdentityFileError::WrongPassphrase);
        let cut = Identities::unlock(&locked[..locked.len() - 60], &right).unwrap_err();
        assert_eq!(cut, IdentityFileError::Damaged);
    }
}

#[test]
fn a_locked_file_that_cannot_be_unlocked_says_why() {
    let passphrase = Secret::new("a".into());
    let unlock = |file: &[u8]| Identities::unlock(file, &passphrase).unwrap_err();
    let for_keys = identities().recipients().encrypt_text(b"x").unwrap();
    assert_eq!(unlock(&for_keys), IdentityFileError::NoPassphrase);
    let twice = locked("x", "a", Format::AsciiArmor, 4);
    let twice = locked(&String::from_utf8(twice).unwrap(), "a", Format::Binary, 4);
    assert_eq!(unlock(&twice), IdentityFileError::Damaged);
    assert_eq!(
        unlock(&locked("", "a", Format::Binary, 4)),
        IdentityFileError::Empty
    );
    let mut costly = locked("x", "a", Format::Binary, 4);
    let at = costly.iter().position(|byte| *byte == b'\n').unwrap();
    let line = costly[at + 1..]
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap()
        + at
        + 1;
    assert_eq!(costly[line - 1], b'4');
    costly.splice(line - 1..line, *b"21");
    assert_eq!(unlock(&costly), IdentityFileError::TooMuchWork);
}

#[test]
fn each_recipient_that_cannot_be_used_is_named() {
    let public = texts(&identities().recipients()).remove(0);
    let mut typo = public.clone().into_bytes();
    typo[20] = if typo[20] == b'q' { b'p' } else { b'q' };
    let typo = String::from_utf8(typo).unwrap();
    let list = [
        public.as_str(),
        fuzzing::KEY,
        "ssh-ed25519 AAAA",
        "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt",
        &typo,
        "",
        &public,
    ];
    let error = Recipients::parse(&list).unwrap_err();
    let expected = vec![
        (1, RecipientFault::PrivateKey),
        (2, RecipientFault::Ssh),
        (3, RecipientFault::OtherKind),
        (4, RecipientFault::Malformed),
        (5, RecipientFault::Malformed),
        (6, RecipientFault::Twice),
    ];
    assert_eq!(error, RecipientsError::Faults(expected));
    assert!(!format!("{error:?}{error}").contains("SECRET"));
    let none: [&str; 0] = [];
    assert_eq!(
        Recipients::parse(&none).unwrap_err(),
        RecipientsError::Empty
    );
    let spaced = format!(" {public}\n");
    assert_eq!(texts(&Recipients::parse(&[spaced]).unwrap()), [public]);
}
