// peers-go verifies the samples of bench/evidence.json with Google's go-sev-guest and go-tdx-guest and prints one JSON line for each: what a cold
// verification takes, in microseconds, the median. Nothing is fetched: what the libraries would ask a server for comes from the samples' files.
//
//	peers-go evidence.json EVIDENCE_FOLDER SECONDS
package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	snpabi "github.com/google/go-sev-guest/abi"
	snppb "github.com/google/go-sev-guest/proto/sevsnp"
	snp "github.com/google/go-sev-guest/verify"
	snptrust "github.com/google/go-sev-guest/verify/trust"
	tdx "github.com/google/go-tdx-guest/verify"
)

type snpSample struct {
	Name, Report, Vek, Issuer, Root, Crl string
	Time                                 int64
}

type tdxSample struct {
	Name, Quote, Collateral string
	CrlIssuerChain          string `json:"crl_issuer_chain"`
	Time                    int64
}

type samples struct {
	Snp []snpSample
	Tdx []tdxSample
}

// result has either a time or why the library refuses a genuine sample.
type result struct {
	Peer    string  `json:"peer"`
	Sample  string  `json:"sample"`
	Us      float64 `json:"us,omitempty"`
	Refuses string  `json:"refuses,omitempty"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers-go:", err)
		os.Exit(1)
	}
}

func read(parts ...string) []byte {
	out, err := os.ReadFile(filepath.Join(parts...))
	check(err)
	return out
}

// version is of a module in this program.
func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if strings.HasSuffix(dependency.Path, "/"+module) {
			return module + " " + dependency.Version
		}
	}
	return module
}

// measure gives the median of the work's durations over so many seconds, after it was seen to refuse evidence with one bit changed.
func measure(peer, sample string, evidence []byte, at int, seconds float64, work func(evidence []byte) error) result {
	if err := work(evidence); err != nil {
		return result{Peer: version(peer), Sample: sample, Refuses: err.Error()}
	}
	changed := slices.Clone(evidence)
	changed[at] ^= 1
	if work(changed) == nil {
		check(fmt.Errorf("%s accepts changed evidence: %s", peer, sample))
	}
	var all []float64
	for began := time.Now(); time.Since(began).Seconds() < seconds; {
		start := time.Now()
		check(work(evidence))
		all = append(all, float64(time.Since(start).Nanoseconds())/1e3)
	}
	slices.Sort(all)
	return result{Peer: version(peer), Sample: sample, Us: all[len(all)/2]}
}

// one is a server that has one answer.
type one struct{ body []byte }

func (o one) Get(string) ([]byte, error) { return o.body, nil }

func snpVerifier(s snpSample, folder string) func([]byte) error {
	vek, issuer, root := read(folder, s.Vek), read(folder, s.Issuer), read(folder, s.Root)
	crl := one{read(folder, s.Crl)}
	line, _, _ := strings.Cut(s.Name, ",")
	return func(raw []byte) error {
		report, err := snpabi.ReportToProto(raw)
		if err != nil {
			return err
		}
		signer, err := snpabi.ParseSignerInfo(report.GetSignerInfo())
		if err != nil {
			return err
		}
		chain := &snppb.CertificateChain{VcekCert: vek}
		if signer.SigningKey == snpabi.VlekReportSigner {
			chain = &snppb.CertificateChain{VlekCert: vek}
		}
		ark, err := x509.ParseCertificate(root)
		if err != nil {
			return err
		}
		// The issuer stands in both places: the library looks up the ASK in the list, also below an ASVK.
		ask, err := x509.ParseCertificate(issuer)
		if err != nil {
			return err
		}
		roots := &snptrust.AMDRootCerts{ProductLine: line, ProductCerts: &snptrust.ProductCerts{Ask: ask, Asvk: ask, Ark: ark}}
		return snp.SnpAttestation(&snppb.Attestation{Report: report, CertificateChain: chain}, &snp.Options{
			CheckRevocations: true, DisableCertFetching: true, Getter: crl, Now: time.Unix(s.Time, 0),
			TrustedRoots: map[string][]*snptrust.AMDRootCerts{line: {roots}},
		})
	}
}

// pcs answers as Intel's server would.
type pcs struct {
	tcbInfo, identity, pckCrl, rootCrl []byte
	signer, issuer                     string
}

func (p pcs) Get(from string) (map[string][]string, []byte, error) {
	switch {
	case strings.Contains(from, "/tcb?"):
		return map[string][]string{"Tcb-Info-Issuer-Chain": {p.signer}}, p.tcbInfo, nil
	case strings.Contains(from, "/qe/identity"):
		return map[string][]string{"Sgx-Enclave-Identity-Issuer-Chain": {p.signer}}, p.identity, nil
	case strings.Contains(from, "/pckcrl?"):
		return map[string][]string{"Sgx-Pck-Crl-Issuer-Chain": {p.issuer}}, p.pckCrl, nil
	}
	return nil, p.rootCrl, nil
}

// signed puts a document and its signature into one, byte for byte.
func signed(member string, value, signature []byte) []byte {
	return []byte(`{"` + member + `":` + string(value) + `,"signature":"` + strings.TrimSpace(string(signature)) + `"}`)
}

// reencoded is PEM as the library wants it, for use in a header.
func reencoded(text []byte) string {
	var out []byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		out = append(out, pem.EncodeToMemory(block)...)
	}
	return url.QueryEscape(string(out))
}

func tdxVerifier(s tdxSample, folder string) func([]byte) error {
	file := func(name string) []byte { return read(folder, s.Collateral, name) }
	server := pcs{
		tcbInfo:  signed("tcbInfo", file("tcb_info.json"), file("tcb_info.sig.hex")),
		identity: signed("enclaveIdentity", file("qe_identity.json"), file("qe_identity.sig.hex")),
		pckCrl:   file("pck_crl.der"), rootCrl: file("root_ca_crl.der"),
		signer: reencoded(file("tcb_signing_chain.pem")), issuer: reencoded(read(folder, s.CrlIssuerChain)),
	}
	// Given the roots, the library does not write a warning each time.
	roots := x509.NewCertPool()
	_, rest := pem.Decode(file("tcb_signing_chain.pem"))
	if !roots.AppendCertsFromPEM(rest) {
		check(fmt.Errorf("no root in %s", s.Collateral))
	}
	return func(raw []byte) error {
		return tdx.RawTdxQuote(raw, &tdx.Options{
			CheckRevocations: true, GetCollateral: true, Getter: server, Now: time.Unix(s.Time, 0), TrustedRoots: roots,
		})
	}
}

func main() {
	if len(os.Args) != 4 {
		check(fmt.Errorf("usage: peers-go evidence.json EVIDENCE_FOLDER SECONDS"))
	}
	var all samples
	check(json.Unmarshal(read(os.Args[1]), &all))
	folder := os.Args[2]
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	check(err)
	out := json.NewEncoder(os.Stdout)
	// The byte that is changed for the control is signed and of no other meaning: of REPORT_DATA in both.
	const reportData, tdReportData = 0x50, 48 + 520
	for _, s := range all.Snp {
		check(out.Encode(measure("go-sev-guest", s.Name, read(folder, s.Report), reportData, seconds, snpVerifier(s, folder))))
	}
	for _, s := range all.Tdx {
		check(out.Encode(measure("go-tdx-guest", s.Name, read(folder, s.Quote), tdReportData, seconds, tdxVerifier(s, folder))))
	}
}
