//! Certificates for the servers of the tests: made once a process, never on disk
//! unless a test writes them there.

use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use sha2::{Digest, Sha256};

/// A certificate authority and what it signed.
pub(crate) struct Authority {
    /// The authority's own certificate, what `tls_ca_file` wants.
    pub(crate) ca_pem: String,
    /// Good for `localhost` and 127.0.0.1.
    pub(crate) localhost: Leaf,
    /// Good for the same names, but past its time.
    pub(crate) expired: Leaf,
    /// Good for `mail.example.net` only.
    pub(crate) other: Leaf,
}

/// A server's certificate with its key.
pub(crate) struct Leaf {
    /// The certificate.
    pub(crate) cert_pem: String,
    /// Its PKCS#8 key.
    pub(crate) key_pem: String,
    der: Vec<u8>,
}

impl Leaf {
    /// For a server in this process.
    pub(crate) fn identity(&self) -> native_tls::Identity {
        native_tls::Identity::from_pkcs8(self.cert_pem.as_bytes(), self.key_pem.as_bytes()).unwrap()
    }

    /// SHA-256 of the certificate in lower-case hex, what `tls_pin_sha256` wants.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.der);
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The one authority of this process.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "mailvault test authority");
        let ca_pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let here = ["localhost", "127.0.0.1"];
        Authority {
            ca_pem,
            localhost: leaf(&issuer, &here, 2040),
            expired: leaf(&issuer, &here, 2021),
            other: leaf(&issuer, &["mail.example.net"], 2040),
        }
    })
}

/// A certificate for these names that ends with the first day of a year.
fn leaf(issuer: &Issuer<'_, KeyPair>, names: &[&str], until: i32) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let certificate = params.signed_by(&key, issuer).unwrap();
    Leaf {
        cert_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        der: certificate.der().to_vec(),
    }
}
