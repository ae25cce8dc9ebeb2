//! The certificate authority of one run, which both sides trust beside the roots of the public web. Nothing is left
//! unverified: the Rust functions read the bundle that `SSL_CERT_FILE` names, boto3 the one that `AWS_CA_BUNDLE` names,
//! and both are given the same file.

use crate::Failure;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The host that the functions call: a name, so that it is resolved and verified as AWS's are.
pub(crate) const HOST: &str = "localhost";

/// What the relay shows, and what the functions trust.
pub(crate) struct Authority {
    /// The relay's side.
    pub(crate) server: Arc<ServerConfig>,
    /// The roots of the public web and this run's own.
    pub(crate) bundle: PathBuf,
}

impl Authority {
    /// Makes an authority, a certificate for [`HOST`], and a bundle in this folder that adds the authority to the roots
    /// in `roots`.
    pub(crate) fn make(folder: &Path, roots: &str) -> Result<Self, Failure> {
        let mut of_authority = CertificateParams::new(Vec::<String>::new())?;
        // Each its own name: one that is signed by its own name is taken for self-signed.
        of_authority.distinguished_name.push(DnType::CommonName, "Towpath's benchmarks");
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        let authority = of_authority.self_signed(&authority_key)?;
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(of_authority, authority_key);
        let mut of_host = CertificateParams::new(vec![HOST.to_owned()])?;
        of_host.distinguished_name.push(DnType::CommonName, HOST);
        let certificate = of_host.signed_by(&key, &issuer)?;
        let bundle = folder.join("roots.pem");
        std::fs::write(&bundle, format!("{}\n{roots}", authority.pem()))?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        // As the endpoints of the services that the functions call: no HTTP/2.
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { server: Arc::new(server), bundle })
    }
}
