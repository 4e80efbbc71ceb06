//! peers-rust verifies the samples of bench/evidence.json with the crates `sev` and `dcap-qvl` and prints one JSON line for each: what a cold
//! verification takes, in microseconds, the median.
//!
//!     peers-rust evidence.json EVIDENCE_FOLDER SECONDS

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dcap_qvl::QuoteCollateralV3;
use serde_json::{json, Value};
use sev::certs::snp::{ca, Certificate, Chain, Verifiable};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

type Outcome = Result<(), Box<dyn Error>>;

const SEV: &str = "sev 8.0.0";
const DCAP_QVL: &str = "dcap-qvl 0.7.1";
// The byte that is changed for the control is signed and of no other meaning: of REPORT_DATA in both.
const REPORT_DATA: usize = 0x50;
const TD_REPORT_DATA: usize = 48 + 520;

/// Gives the median of the work's durations over so many seconds, after it was seen to refuse evidence with one bit changed; or why the library
/// refuses a genuine sample.
fn measure(evidence: &[u8], at: usize, seconds: f64, work: impl Fn(&[u8]) -> Outcome) -> Result<Value, Box<dyn Error>> {
    if let Err(error) = work(evidence) {
        return Ok(json!({"refuses": error.to_string()}));
    }
    let mut changed = evidence.to_vec();
    changed[at] ^= 1;
    if work(&changed).is_ok() {
        return Err("changed evidence was accepted".into());
    }
    let mut all = Vec::new();
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        work(evidence)?;
        all.push(start.elapsed().as_nanos() as f64 / 1e3);
    }
    all.sort_by(f64::total_cmp);
    Ok(json!({"us": all[all.len() / 2]}))
}

fn text<'a>(sample: &'a Value, member: &str) -> &'a str {
    sample[member].as_str().expect("a text")
}

fn snp(sample: &Value, folder: &Path, seconds: f64) -> Result<Value, Box<dyn Error>> {
    let file = |member: &str| fs::read(folder.join(text(sample, member)));
    let (vek, issuer, root) = (file("vek")?, file("issuer")?, file("root")?);
    measure(&file("report")?, REPORT_DATA, seconds, |raw| {
        let chain = Chain {
            ca: ca::Chain { ark: Certificate::from_der(&root)?, ask: Certificate::from_der(&issuer)? },
            vek: Certificate::from_der(&vek)?,
        };
        let report = AttestationReport::from_bytes(raw)?;
        (&chain, &report).verify()?;
        Ok(())
    })
}

fn tdx(sample: &Value, folder: &Path, seconds: f64) -> Result<Value, Box<dyn Error>> {
    let folder_of_set: PathBuf = folder.join(text(sample, "collateral"));
    let bytes = |name: &str| fs::read(folder_of_set.join(name));
    let string = |name: &str| fs::read_to_string(folder_of_set.join(name));
    let signature = |name: &str| -> Result<Vec<u8>, Box<dyn Error>> { Ok(hex::decode(string(name)?.trim())?) };
    let collateral = QuoteCollateralV3 {
        pck_crl_issuer_chain: fs::read_to_string(folder.join(text(sample, "crl_issuer_chain")))?,
        root_ca_crl: bytes("root_ca_crl.der")?,
        pck_crl: bytes("pck_crl.der")?,
        tcb_info_issuer_chain: string("tcb_signing_chain.pem")?,
        tcb_info: string("tcb_info.json")?,
        tcb_info_signature: signature("tcb_info.sig.hex")?,
        qe_identity_issuer_chain: string("tcb_signing_chain.pem")?,
        qe_identity: string("qe_identity.json")?,
        qe_identity_signature: signature("qe_identity.sig.hex")?,
        pck_certificate_chain: None,
    };
    let time = sample["time"].as_u64().expect("a time");
    let quote = fs::read(folder.join(text(sample, "quote")))?;
    measure(&quote, TD_REPORT_DATA, seconds, |raw| {
        dcap_qvl::verify::ring::verify(raw, &collateral, time).map_err(|error| format!("{error:#}"))?;
        Ok(())
    })
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, samples, folder, seconds] = arguments.as_slice() else {
        return Err("usage: peers-rust evidence.json EVIDENCE_FOLDER SECONDS".into());
    };
    let samples: Value = serde_json::from_slice(&fs::read(samples)?)?;
    let (folder, seconds) = (Path::new(folder), seconds.parse()?);
    let print = |peer: &str, sample: &Value, mut line: Value| {
        line["peer"] = json!(peer);
        line["sample"] = sample["name"].clone();
        println!("{line}");
    };
    for sample in samples["snp"].as_array().expect("a list") {
        print(SEV, sample, snp(sample, folder, seconds)?);
    }
    for sample in samples["tdx"].as_array().expect("a list") {
        print(DCAP_QVL, sample, tdx(sample, folder, seconds)?);
    }
    Ok(())
}
